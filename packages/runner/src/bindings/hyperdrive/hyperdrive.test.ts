import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Hyperdrive } from "@cloudflare/workers-types";
import type { Binding } from "@openworkers/core";
import { program, type TestCell } from "../../cells/testing/test-cells.ts";
import { type DatabaseCells, databaseCells } from "../database/testing/database-cells.ts";
import { resultOf } from "../testing/binding-cells.ts";

let fixture: DatabaseCells;
let hyperdrive: Binding;
beforeAll(async () => {
  fixture = await databaseCells();
  hyperdrive = { kind: "hyperdrive", databaseId: fixture.gateway.databaseId };
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** A session as a driver begins one, without a driver: sends a query and says what came back, as text. */
const speaker = `
  const text = new TextEncoder();
  const startup = (() => {
    const fields = text.encode("user\\0worker\\0database\\0database\\0\\0");
    const message = new Uint8Array(8 + fields.length);
    new DataView(message.buffer).setInt32(0, message.length);
    new DataView(message.buffer).setInt32(4, 196608);
    message.set(fields, 8);
    return message;
  })();
  const query = (sql) => {
    const body = text.encode(sql + "\\0");
    const message = new Uint8Array(5 + body.length);
    message[0] = 81;
    new DataView(message.buffer).setInt32(1, 4 + body.length);
    message.set(body, 5);
    return message;
  };
  async function ask(socket, sql) {
    const writer = socket.writable.getWriter();
    await writer.write(startup);
    await writer.write(query(sql));
    let heard = "";
    for await (const chunk of socket.readable) {
      heard += new TextDecoder("latin1").decode(chunk);
      if (heard.includes(sql.slice(8, 12))) break;
    }
    return heard.includes(sql.slice(8, 12));
  }`;

const start = (source: string, bindings: Readonly<Record<string, Binding>>): Promise<TestCell> =>
  fixture.cells.cells.start(program(source, { bindings: new Map(Object.entries(bindings)) }));

const socketsOf = (cell: TestCell) => join(dirname(cell.cell.httpSocket), "sockets");

describe("env.HYPERDRIVE", () => {
  test("has what a driver asks for, and nothing of where the database is", async () => {
    await using cell = await fixture.cells.start({ HYPERDRIVE: hyperdrive }, (({
      HYPERDRIVE,
    }: {
      HYPERDRIVE: Hyperdrive;
    }) => {
      const { connectionString, host, port, user, password, database } = HYPERDRIVE;
      return { connectionString, host, port, user, password, database };
    }) as never);
    const host = expect.stringMatching(/^[0-9a-f]{32}\.hyperdrive\.local$/);
    const found = (await resultOf(await cell.fetch())) as Record<string, unknown>;
    expect(found).toEqual({
      connectionString: `postgresql://worker:none@${found.host}:5432/database?sslmode=disable`,
      host,
      port: 5432,
      user: "worker",
      password: "none",
      database: "database",
    });
  });

  test("connects, as itself and by the address that drivers are given", async () => {
    await using cell = await start(
      `import { connect } from "cloudflare:sockets"; ${speaker}
      export default { async fetch(request, env) {
        const { HYPERDRIVE: own } = env;
        return Response.json([
          await ask(own.connect(), "select 'abcd'"),
          await ask(connect({ hostname: own.host, port: own.port }), "select 'abcd'"),
        ]);
      } };`,
      { HYPERDRIVE: hyperdrive },
    );
    expect(await (await cell.fetch()).json()).toEqual([true, true]);
  });

  test("of several, each leads to its own, whatever their order", async () => {
    const others = ["B", "A", "C"].map(
      (name, index) =>
        [
          name,
          { kind: "hyperdrive", databaseId: `00000000-0000-0000-0000-00000000000${index}` as never },
        ] as const,
    );
    const before = fixture.gateway.asked.length;
    await using cell = await start(
      `${speaker}
      export default { async fetch(request, env) {
        return Response.json(await ask(env[new URL(request.url).pathname.slice(1)].connect(), "select 'abcd'"));
      } };`,
      Object.fromEntries(others) as never,
    );
    for (const name of ["A", "B", "C"]) expect(await (await cell.fetch(`/${name}`)).json()).toBe(true);
    expect(fixture.gateway.asked.slice(before).map(({ databaseId }) => databaseId.at(-1) ?? "")).toEqual([
      "1",
      "0",
      "2",
    ]);
  });
});

describe("the socket behind it", () => {
  test("is the one cell's alone", async () => {
    await using one = await start("export default {}", { HYPERDRIVE: hyperdrive });
    await using two = await start("export default {}", { HYPERDRIVE: hyperdrive });
    const [first, second] = [one, two].map((cell) => statSync(join(socketsOf(cell), "database0")));
    for (const socket of [first, second]) expect((socket?.mode ?? 0) & 0o777).toBe(0o600);
    // Each cell has a user of its own where the runner may give it one, and its own sockets in its tree everywhere.
    if (process.getuid?.() === 0) expect(first?.uid).not.toBe(second?.uid);
    for (const [cell, own] of [
      [one, first],
      [two, second],
    ] as const) {
      const tree = `/proc/${cell.cell.pid}/root`;
      expect(statSync(join(tree, "sockets/database0")).ino).toBe(own?.ino ?? -1);
      expect(readdirSync(join(tree, "sockets")).sort()).toEqual([
        "broker",
        "broker-exact",
        "database0",
        "egress",
      ]);
    }
  });

  test("is not there for a worker that is bound to none", async () => {
    await using cell = await start(
      `import { connect } from "cloudflare:sockets";
      const attempt = async (address) => { try { await connect(address).opened; return "open" } catch { return "refused" } };
      export default { async fetch() {
        return Response.json(await Promise.all(["unix:/sockets/database0", "database0:5432", "0.hyperdrive.local:5432"].map(attempt)));
      } };`,
      {},
    );
    expect(existsSync(join(socketsOf(cell), "database0"))).toBe(false);
    expect(await (await cell.fetch()).json()).toEqual(Array(3).fill("refused"));
  });

  test("closes with the cell, and its sessions end", async () => {
    const cell = await start(
      `${speaker}
      let socket;
      export default { async fetch(request, env) {
        socket = env.HYPERDRIVE.connect();
        return Response.json(await ask(socket, "select 'abcd'"));
      } };`,
      { HYPERDRIVE: hyperdrive },
    );
    const path = join(socketsOf(cell), "database0");
    expect(await (await cell.fetch()).json()).toBe(true);
    expect(fixture.gateway.listening.has(path)).toBe(true);
    await cell[Symbol.asyncDispose]();
    expect(fixture.gateway.listening.has(path)).toBe(false);
    const open = async () =>
      (
        await fixture.postgres.query(
          "select count(*)::int as count from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%abcd%'",
        )
      ).rows[0].count;
    while ((await open()) > 0) await Bun.sleep(5);
  });
});
