import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits } from "@openworkers/core";
import type { CellLine } from "../cell.ts";
import { findSandbox } from "../sandbox/find-sandbox.ts";
import { type Program, unversioned } from "../target.ts";
import { type CellHost, openCellHost } from "./cell-host.ts";

const runtimeDir = mkdtempSync(join(tmpdir(), "ow-"));
let host: CellHost;
beforeAll(async () => {
  host = await openCellHost({ sandbox: findSandbox("bubblewrap"), runtimeDir });
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(runtimeDir, { recursive: true });
});

function program(source: string, env: Program["env"] = new Map()): Program {
  const content = new TextEncoder().encode(source);
  return {
    code: {
      modules: [{ name: "index.js", type: "esModule", content }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: [],
      sourceMaps: new Map(),
    },
    env,
    bindings: new Map(),
    version: unversioned,
  };
}

async function start(source: string, lines: CellLine[] = [], env?: Program["env"]) {
  const blank = await host.launchBlank();
  return blank.assign(program(source, env), { limits: defaultLimits, onLine: (line) => lines.push(line) });
}

describe("a blank cell", () => {
  test("serves the worker that it is assigned, with its environment", async () => {
    const env: Program["env"] = new Map([
      ["NAME", { kind: "text", value: "ow" }],
      ["CONFIG", { kind: "json", value: '{"a":[1]}' }],
    ]);
    await using cell = await start("export default { fetch: (_, env) => Response.json(env) }", [], env);
    const response = await fetch("http://worker/", { unix: cell.httpSocket });
    expect(await response.json()).toEqual({ NAME: "ow", CONFIG: { a: [1] } });
  });

  test("answers on its control socket", async () => {
    await using cell = await start("export default {}");
    const response = await fetch("http://cell/alive", { unix: cell.controlSocket });
    expect(response.status).toBe(200);
  });

  test("reports how it ended when it is killed", async () => {
    await using cell = await start("export default {}");
    cell.kill();
    expect(await cell.exited).toMatchObject({ signal: "SIGKILL", outOfMemory: false });
  });

  test("rejects with the worker's own error when its top level throws", async () => {
    const failure = start("function boom() { throw new TypeError('bad') }\nboom();\nexport default {}");
    await expect(failure).rejects.toMatchObject({
      code: "START_FAILED",
      message: "Uncaught TypeError: bad",
      details: { stack: expect.stringMatching(/\n\s+at index\.js:1:\d+ in boom/) },
    });
  });

  test("is killed when its top level loops", async () => {
    await expect(start("for (;;); export default {}")).rejects.toMatchObject({ code: "START_FAILED" });
  });
});
