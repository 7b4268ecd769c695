import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { defaultLimits } from "@openworkers/core";
import { program, type TestCells, type TestProgram, testCells } from "../testing/test-cells.ts";
import { checkStart } from "./check-start.ts";

let cells: TestCells;
beforeAll(async () => {
  cells = await testCells();
});
afterAll(() => cells[Symbol.asyncDispose]());

const check = (source: string, options?: TestProgram) =>
  checkStart(program(source, options), {
    host: cells.host,
    limits: { ...defaultLimits, memoryBytes: 64 * 2 ** 20 },
  });

describe("checking a worker's start", () => {
  test.each([
    ["export default { fetch() {}, scheduled() {} }", ["fetch", "scheduled"]],
    ["export default class { fetch() {} }", []],
    [
      'import { WorkerEntrypoint } from "cloudflare:workers"; export default class extends WorkerEntrypoint { queue() {} }',
      ["queue"],
    ],
    ['addEventListener("fetch", () => {})', ["fetch"]],
    ["export const x = () => {}", []],
  ])("tells the handlers of %s", async (source, handlers) => {
    expect(await check(source)).toEqual({ handlers, entrypoints: [] });
  });

  test("tells what other workers can call besides the default export", async () => {
    const source = `import { DurableObject, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
      class Base extends WorkerEntrypoint { method() {} }
      export class Admin extends Base {}
      export const plain = { fetch() {} };
      export class Target extends RpcTarget {}
      export class Other {}
      export default {};`;
    expect((await check(source)).entrypoints.toSorted()).toEqual(["Admin", "plain"]);
  });

  const refusals: [string, { source: string; message: RegExp; options?: TestProgram }][] = [
    [
      "throws",
      { source: 'throw new Error("at the top"); export default {}', message: /^Uncaught Error: at the top$/ },
    ],
    ["is not JavaScript", { source: "export default {{", message: /^Uncaught SyntaxError/ }],
    [
      "imports what is not there",
      { source: 'import "./missing.js"; export default {}', message: /No such module .*missing\.js/ },
    ],
    ["loops", { source: "for (;;); export default {}", message: /did not end within 1000 ms of CPU time/ }],
    [
      "waits for nothing",
      { source: "await new Promise(() => {}); export default {}", message: /Top-level await/ },
    ],
    [
      "fills the heap",
      {
        source: "const a = []; for (;;) a.push(new Array(1000).fill(1.1)); export default {}",
        message: /used up its memory/,
      },
    ],
    [
      "has a broken WebAssembly module",
      {
        source: 'import m from "./m.wasm"; export default {}',
        message: /CompileError/,
        options: { modules: { "m.wasm": new Uint8Array([1, 2, 3]) } },
      },
    ],
    [
      "asks for a date to come",
      { source: "export default {}", message: /date/, options: { date: "2099-01-01" } },
    ],
  ];
  test.each(refusals)("refuses a worker whose top level %s", async (_, { source, message, options }) => {
    await expect(check(source, options)).rejects.toMatchObject({
      code: "START_FAILED",
      message: expect.stringMatching(message),
    });
  });

  test("refuses a top level that fills memory with array buffers", async () => {
    const source = "const a = []; for (;;) a.push(new Uint8Array(2 ** 20).fill(1)); export default {}";
    await expect(check(source)).rejects.toMatchObject({
      code: "START_FAILED",
      message: expect.stringMatching(/Array buffer allocation failed|used up its memory/),
    });
  });

  test("gives the stack in the positions of the sources", async () => {
    // `boom` of a.ts, line 10 column 3, for the first column of the second line.
    const map = { version: 3, sources: ["src/a.ts"], names: [], mappings: ";AASE" };
    const failure = check('const x = 1;\n(() => { throw new Error("mapped"); })();\nexport default { x };', {
      sourceMaps: { "index.js": JSON.stringify(map) },
    });
    await expect(failure).rejects.toMatchObject({
      details: { stack: expect.stringMatching(/src\/a\.ts:10:3/) },
    });
  });
});
