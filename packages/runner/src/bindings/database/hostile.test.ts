import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Binding } from "@openworkers/core";
import { noMeter } from "../../cells/byte-meter.ts";
import { program, testTarget } from "../../cells/testing/test-cells.ts";
import { databasePlugin, maxQueryBytes } from "./database.ts";
import { type DatabaseCells, databaseCells } from "./testing/database-cells.ts";

let fixture: DatabaseCells;
beforeAll(async () => {
  fixture = await databaseCells();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** What a worker of `source`, which answers with a Response, says as JSON. */
async function answerOf(source: string): Promise<unknown> {
  const bindings = new Map<string, Binding>([
    ["DB", fixture.binding],
    ["ASSETS", { kind: "assets" }],
  ]);
  await using cell = await fixture.cells.cells.start(program(source, { bindings }));
  const response = await cell.fetch();
  if (response.status !== 200) throw new Error(JSON.stringify(cell.lines));
  return await response.json();
}

describe("a worker that tampers with what the client is made of", () => {
  test("neither breaks it nor is handed its inside", async () => {
    const result = await answerOf(`
      const seen = [];
      let Fetcher;
      const spied = (name) => function (...values) {
        if (this instanceof Fetcher || values.some((value) => value instanceof Fetcher)) seen.push(name);
        throw new Error(name + " was called");
      };
      const tamper = () => {
        for (const [holder, names] of [
          [Fetcher.prototype, ["fetch"]],
          [Response.prototype, ["json", "text"]],
          [Array.prototype, ["map", "push", "forEach", "slice"]],
          [String.prototype, ["charCodeAt", "slice", "indexOf", "trim", "replace", "startsWith"]],
          [Uint8Array.prototype, ["toHex"]],
          [Uint8Array, ["fromHex"]],
          [JSON, ["parse", "stringify"]],
          [Reflect, ["apply"]],
          [globalThis, ["String", "Number", "BigInt", "Error", "Uint8Array", "fetch"]],
          [Function.prototype, ["call", "apply", "bind"]],
        ]) for (const name of names) holder[name] = spied(name);
        Array.prototype[Symbol.iterator] = spied("iterator");
      };
      const { stringify } = JSON, iterator = Array.prototype[Symbol.iterator], { Response: OurResponse } = globalThis, { ownKeys } = Reflect;
      Object.defineProperty(Object.prototype, "name", { set(value) { seen.push("name " + typeof value) }, configurable: true });
      export default { async fetch(request, env) {
        const statement = env.DB.prepare("select ? as name, 'ü' as b, ?::bytea as c, 5::int8 as d");
        const bytes = new Uint8Array([1, 2]);
        Fetcher = env.ASSETS.constructor;
        tamper();
        const bound = statement.bind("a'?", bytes);
        const row = await bound.first();
        const found = [row.name, row.b, row.c[0], row.c[1], row.d];
        let message;
        try { await env.DB.prepare("selec ?").bind("b").all() } catch (error) { message = error.message }
        Array.prototype[Symbol.iterator] = iterator;
        return new OurResponse(stringify({ found, message, seen, names: ownKeys(env.DB).length }));
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
        await DB.prepare("select length(?) as length").bind(large.slice(0, -1_000)).first("length"),
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

  test.each([
    ["of no announced length", undefined],
    ["of two lengths", "5, 5"],
    ["of a length that is none", "many"],
  ])("is refused a request %s", async (_, length) => {
    const handler = databasePlugin.handler?.({ databases: fixture.gateway } as never);
    let read = false;
    const body = new ReadableStream(
      {
        pull(controller) {
          read = true;
          controller.enqueue(new Uint8Array(65_536));
        },
      },
      { highWaterMark: 0 },
    );
    const headers = length === undefined ? {} : { "content-length": length };
    const request = new Request("http://database/query", { method: "POST", body, headers });
    const caller = { target: testTarget, bindings: new Map(), meter: noMeter };
    await expect(handler?.serve(request, fixture.binding as never, caller)).rejects.toMatchObject({
      code: "BODY_TOO_LARGE",
    });
    expect(read).toBe(false);
  });
});
