import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { defaultLimits } from "@openworkers/core";
import { program } from "../../cells/testing/test-cells.ts";
import { resultOf } from "../testing/binding-cells.ts";
import { maxQueryBytes } from "./database.ts";
import { type DatabaseCells, databaseCells } from "./testing/database-cells.ts";

let fixture: DatabaseCells;
beforeAll(async () => {
  fixture = await databaseCells();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** What a worker of `source`, which answers with a Response, says as JSON. */
async function answerOf(source: string): Promise<unknown> {
  const bindings = new Map([["DB", fixture.binding]]);
  await using cell = await fixture.cells.cells.start(program(source, { bindings }));
  return await (await cell.fetch()).json();
}

describe("a worker that tampers with what the client is made of", () => {
  test("neither breaks it nor is handed its inside", async () => {
    const result = await answerOf(`
      const seen = [];
      const { fetch } = Fetcher.prototype, { call, apply, bind } = Function.prototype, { json, text } = Response.prototype;
      const spied = (name) => function (...values) {
        if (this instanceof Fetcher || values.some((value) => value instanceof Fetcher)) seen.push(name);
        throw new Error(name + " was called");
      };
      const tamper = () => {
        for (const [holder, names] of [
          [Fetcher.prototype, ["fetch"]],
          [Response.prototype, ["json", "text"]],
          [Array.prototype, ["map", "push", "forEach", "slice", Symbol.iterator, "toJSON"]],
          [String.prototype, ["charCodeAt", "slice", "indexOf", "trim", "replace", "startsWith"]],
          [Uint8Array.prototype, ["toHex"]],
          [Uint8Array, ["fromHex"]],
          [JSON, ["parse", "stringify"]],
          [Reflect, ["apply"]],
          [globalThis, ["String", "Number", "BigInt", "Error", "Uint8Array", "fetch"]],
          [Function.prototype, ["call", "apply", "bind"]],
        ]) for (const name of names) if (name !== "toJSON") holder[name] = spied(String(name));
      };
      const original = { String, stringify: JSON.stringify, Error, iterator: Array.prototype[Symbol.iterator] };
      Object.defineProperty(Object.prototype, "name", { set(value) { seen.push("name " + typeof value) }, configurable: true });
      let tampered = false;
      export default { async fetch(request, env) {
        const statement = env.DB.prepare("select ? as name, 'ü' as b, ?::bytea as c, 5::int8 as d");
        if (!tampered) { const { String: spare } = globalThis; const text = String; globalThis.String = text; tamper.toString; }
        const holders = [];
        try { tamper(); tampered = true; } catch (error) { seen.push("tamper " + error.message) }
        const bound = statement.bind("a'?", new (Object.getPrototypeOf(new TextEncoder().encode("x")).constructor)([1, 2]));
        const row = await bound.first();
        const found = [row.name, row.b, row.c[0], row.c[1], row.d];
        let message;
        try { await env.DB.prepare("selec ?").bind("b").all() } catch (error) { message = error.message }
        Array.prototype[Symbol.iterator] = original.iterator;
        globalThis.String = original.String;
        return new Response(original.stringify({ found, message, seen, names: Reflect.ownKeys(env.DB).length }));
      } };`);
    expect(result).toEqual({
      found: ["a'?", "ü", 1, 2, 5],
      message: 'D1_ERROR: syntax error at or near "selec"',
      seen: [],
      names: 0,
    });
  });

  test("gets no other way in from what the client shows of itself", async () => {
    const result = await answerOf(`
      export default { async fetch(request, env) {
        const { DB } = env;
        const statement = DB.prepare("select 1");
        const shown = [DB, statement, DB.withSession()].map((object) => {
          const names = [];
          for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at)) names.push(...Reflect.ownKeys(at));
          return [...new Set(names)].sort();
        });
        const statics = [DB, statement, DB.withSession()].map(({ constructor }) =>
          Reflect.ownKeys(constructor).filter((name) => !["length", "name", "prototype"].includes(name)));
        const modules = await Promise.all(
          ["openworkers:database-client.js", "openworkers:database-primordials.js", "./openworkers:database-client.js"].map((name) =>
            import(name).then(() => "imported", () => "refused")));
        return Response.json({ shown, statics, modules });
      } };`);
    const database = ["batch", "constructor", "dump", "exec", "prepare", "query", "withSession"];
    const statement = ["all", "bind", "constructor", "first", "raw", "run", "statement"];
    const session = ["batch", "constructor", "getBookmark", "prepare", "query"];
    expect(result).toEqual({
      shown: [database, statement, session],
      statics: [[], [], []],
      modules: ["refused", "refused", "refused"],
    });
  });
});

describe("a worker that asks for too much", () => {
  test("is refused a request beyond the limit before it was read, and its next is answered", async () => {
    const before = fixture.gateway.asked.length;
    const result = await fixture.run(async ({ DB }) => {
      const failure = (error: Error & { code?: string }) => [error.message, error.code];
      const large = "x".repeat(10 * 2 ** 20);
      return [
        await DB.prepare("select ?").bind(large).all().catch(failure),
        await DB.exec(large).catch(failure),
        await DB.prepare("select length(?) as length")
          .bind(large.slice(0, -1_000))
          .first("length"),
      ];
    });
    const refusal = `A query with its values is longer than ${maxQueryBytes} bytes.`;
    expect(result).toEqual([
      [`D1_ERROR: ${refusal}`, "BODY_TOO_LARGE"],
      [`D1_EXEC_ERROR: ${refusal}`, "BODY_TOO_LARGE"],
      maxQueryBytes - 1_000,
    ]);
    expect(fixture.gateway.asked.length).toBe(before + 1);
  });
});

test("a cell holds nothing of where its database is or who logs in there", async () => {
  const { user, password, host, port, database } = fixture.postgres;
  const secrets = [password, database, fixture.gateway.databaseId, `${host}:${port}`].map(String);
  await using cell = await fixture.cells.start({ DB: fixture.binding }, (async ({ DB }: never) => {
    return await (DB as { prepare(sql: string): { first(): unknown } }).prepare("select 1 as one").first();
  }) as never);
  expect(await resultOf(await cell.fetch())).toEqual({ one: 1 });
  const memory = memoryOf(cell.cell.pid);
  // That it would be found if it were there.
  expect(memory.includes("openworkers:database")).toBe(true);
  expect(secrets.filter((secret) => memory.includes(secret))).toEqual([]);
  expect([user, defaultLimits.subrequests]).toEqual([expect.any(String), expect.any(Number)]);
});

function memoryOf(pid: number): string {
  return readFileSync(`/proc/${pid}/maps`, "latin1");
}
