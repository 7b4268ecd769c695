import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseId } from "@openworkers/core";
import { ensureOperator, limitDatabase } from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import { PlatformDirectory, PostgateService, tenantNames } from "@openworkers/postgate";
import { type TypeCase, typeContract, typeContractSetup } from "@openworkers/postgate/testing";
import { type OwnDatabase, startTestRunner, type TestRunner } from "@openworkers/runner/testing";
import { Client } from "pg";
import { type Needle, needlesOf, scanProcess } from "./scan/process-scan.ts";

setDefaultTimeout(60_000);

// Another process's memory is root's to read.
const isRoot = process.getuid?.() === 0;

const parts = new AsyncDisposableStack();
let own: OwnDatabase;
let server: Client;
let runner: TestRunner;
let databaseId: DatabaseId;
let otherId: DatabaseId;
const reports: unknown[] = [];

/** A worker whose paths are queries, and a session as a driver has it. */
const source = `
const tagged = (value) => {
  if (typeof value === "bigint") return { bigint: String(value) };
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) return { number: Object.is(value, -0) ? "-0" : String(value) };
  return Array.isArray(value) ? value.map(tagged) : value;
};
const failure = ({ message, code, hint }) => ({ message, code, hint });

async function session({ HYPERDRIVE }, sql = "select 'here' || 'after'") {
  const socket = HYPERDRIVE.connect();
  const text = new TextEncoder();
  const message = (type, body) => {
    const bytes = new Uint8Array(type.length + 4 + body.length);
    bytes.set(text.encode(type));
    new DataView(bytes.buffer).setInt32(type.length, 4 + body.length);
    bytes.set(body, type.length + 4);
    return bytes;
  };
  const writer = socket.writable.getWriter();
  await writer.write(message("", new Uint8Array([0, 3, 0, 0, ...text.encode("user\\0worker\\0database\\0database\\0\\0")])));
  await writer.write(message("Q", text.encode(sql + "\\0")));
  let heard = "";
  for await (const chunk of socket.readable) {
    heard += new TextDecoder("latin1").decode(chunk);
    if (heard.includes("hereafter") || heard.includes("FATAL")) break;
  }
  return heard.includes("hereafter");
}

export default {
  async fetch(request, env) {
    const { name, sql, script, values = [] } = await request.json();
    if (name === "session") return Response.json(await session(env, sql));
    if (script !== undefined) return Response.json(await env.DB.exec(script).catch(failure));
    const results = [];
    for (const one of [sql].flat()) {
      results.push(await (env[name] ?? env.DB).prepare(one).bind(...values).raw().then((rows) => rows.map(tagged), failure));
    }
    return Response.json(Array.isArray(sql) ? results : results[0]);
  },
};`;

const ask = async (question: object, worker = "worker"): Promise<unknown> => {
  const response = await runner.get(worker, "/", { method: "POST", body: JSON.stringify(question) });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return await response.json();
};

beforeAll(async () => {
  runner = parts.use(
    await startTestRunner({}, async (given) => {
      own = given;
      return parts.use(
        await PostgateService.open({
          ...given,
          tenantsUrl: given.url,
          dataDir: mkdtempSync(join(temporaryDirectory(), "data-")),
          hostname: "127.0.0.1",
          postgresPorts: [0],
          httpPorts: [0],
          report: (message, details) => void reports.push({ message, ...details }),
        }),
      );
    }),
  );
  server = parts.adopt(new Client({ connectionString: own.url }), (client) => client.end());
  await server.connect();
  ({ databaseId } = await runner.createStores());
  ({ databaseId: otherId } = await runner.createStores());
  const bindings = {
    DB: { kind: "database", databaseId },
    OTHER: { kind: "database", databaseId: otherId },
    HYPERDRIVE: { kind: "hyperdrive", databaseId: otherId },
  } as const;
  await runner.deploy("worker", source, { bindings, limits: { cpuMs: 5_000 } });
});
afterAll(() => parts.disposeAsync());

/** What the worker has of a value that the query protocol says as `json`. */
function revived({ type, json }: TypeCase): unknown {
  const element = type.replace(/\[\]$/, "");
  const each = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(each);
    if (typeof value !== "string") return value;
    if (element === "int8") {
      return Number.isSafeInteger(Number(value)) ? Number(value) : { bigint: value };
    }
    if (element === "bytea") return { bytes: [...Buffer.from(value.slice(2), "hex")] };
    return element === "float8" || element === "float4" ? { number: value } : value;
  };
  if (typeof json !== "string" || !json.startsWith("json:")) return each(json);
  return json === "json:-0" ? { number: "-0" } : JSON.parse(json.slice(5));
}

describe("a worker", () => {
  test("has every type as the contract of all faces says", async () => {
    expect(await ask({ script: typeContractSetup })).toMatchObject({ count: 6 });
    const found = (await ask({
      sql: typeContract.map(({ expression }) => `select ${expression}`),
    })) as unknown[];
    const told = typeContract.map(({ expression }, index) => [expression, found[index]]);
    expect(told).toEqual(typeContract.map((one) => [one.expression, [[revived(one)]]]));
  });

  test("sees nothing of its other database's in one", async () => {
    await ask({ script: "create table only_here (id int)" });
    expect(await ask({ sql: "select count(*) from only_here" })).toEqual([[0]]);
    expect(await ask({ name: "OTHER", sql: "select count(*) from only_here" })).toMatchObject({
      code: "42P01",
    });
  });

  test("is told of the database's limits by name, and goes on", async () => {
    const { id: by } = await ensureOperator(own.database);
    await limitDatabase(own.database, databaseId, { limits: { resultRows: 100, statementMs: 300 }, by });
    const tooMany = async () => await ask({ sql: "select generate_series(1, 101)" });
    // The runner's Postgate hears of it by a notification.
    while (Array.isArray(await tooMany())) await Bun.sleep(5);
    expect(await tooMany()).toEqual({
      message: "D1_ERROR: The result is larger than 100 rows; nothing was changed.",
      code: "RESULT_TOO_LARGE",
      hint: expect.any(String),
    });
    expect(await ask({ sql: "select pg_sleep(1000)" })).toMatchObject({ code: "57014" });
    expect(await ask({ sql: "select 1" })).toEqual([[1]]);
  });

  test("cannot begin a transaction that no call ends", async () => {
    expect(await ask({ sql: "begin" })).toMatchObject({
      code: "INVALID_INPUT",
      hint: expect.stringContaining("batch"),
    });
  });

  test.skipIf(!isRoot)(
    "holds no password of its databases' roles, whichever way it has used them",
    async () => {
      expect([
        await ask({ name: "session" }),
        await ask({ sql: "select 1" }),
        await ask({ name: "OTHER", sql: "select 1" }),
      ]).toEqual([true, [[1]], [[1]]]);
      await using directory = await PlatformDirectory.open({ ...own, make: async () => {} });
      const needles: Needle[] = needlesOf("the server's password", String(server.password));
      for (const id of [databaseId, otherId]) {
        const { place } = await directory.tenant(id);
        if (place.kind !== "platform") throw new Error("It is elsewhere.");
        for (const [role, password] of Object.entries(place.passwords))
          needles.push(...needlesOf(`${role}'s password`, password));
      }
      expect(needles.length).toBeGreaterThanOrEqual(9 * 3);
      const cells = runner.runner.cells();
      expect(cells.map(({ worker }) => worker)).toEqual(["worker"]);
      for (const { pid } of cells) {
        const { findings, memoryBytes } = scanProcess(pid, needles);
        expect(memoryBytes).toBeGreaterThan(1 << 20);
        expect(findings).toEqual([]);
      }
      // Where Postgate is they are found: it looks for the right bytes.
      const held = scanProcess(process.pid, needles).findings.map(({ needle }) => needle);
      expect(held).toEqual(expect.arrayContaining(["owner's password", "the server's password"]));
    },
  );

  test("has sessions by its socket, which end with its process in the midst of a query", async () => {
    const hanging = runner.get("worker", "/", {
      method: "POST",
      body: JSON.stringify({ name: "session", sql: "select pg_sleep(1000), 'hereafter'" }),
    });
    const { database } = tenantNames(otherId);
    const sessions = async () =>
      (
        await server.query("select from pg_stat_activity where datname = $1 and query like '%hereafter%'", [
          database,
        ])
      ).rowCount ?? 0;
    while ((await sessions()) === 0) await Bun.sleep(5);
    for (const { pid } of runner.runner.cells()) process.kill(pid, "SIGKILL");
    expect((await hanging).status).toBe(503);
    while ((await sessions()) > 0) await Bun.sleep(5);
  });
});
