import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Binding,
  defaultMaxima,
  type Limits,
  type LogRecord,
  type UserId,
  type WorkerId,
} from "@openworkers/core";
import {
  type Database,
  deployVersion,
  ensureOperator,
  registerSealingKey,
  SecretKeys,
} from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { createRunner, type Runner } from "./runner.ts";

const directory = mkdtempSync(join(tmpdir(), "ow-"));
const parts = new AsyncDisposableStack();
const records: LogRecord[] = [];
const reports: unknown[] = [];
let database: Database;
let runner: Runner;
let operator: UserId;

beforeAll(async () => {
  ({ database } = parts.use(await withTestDatabase()));
  const secretKeys = await SecretKeys.load({ directory: mkdtempSync(join(directory, "keys-")) });
  await registerSealingKey(database, secretKeys);
  runner = parts.use(
    await createRunner({
      database,
      secretKeys,
      port: 0,
      hostname: "127.0.0.1",
      baseDomain: "localhost",
      runtimeDir: mkdtempSync(join(directory, "r-")),
      sandbox: "bubblewrap",
      logs: { emit: (record) => records.push(record) },
      report: (message, details) => reports.push({ message, ...details }),
      settings: {
        maxCells: undefined,
        warmCells: 1,
        idleMs: undefined,
        codeCacheBytes: undefined,
        cellUidBase: undefined,
        trustedProxies: [],
        maxima: defaultMaxima,
      },
    }),
  );
  ({ id: operator } = await ensureOperator(database));
});
afterAll(async () => {
  await parts.disposeAsync();
  rmSync(directory, { recursive: true, force: true });
});

interface Deploy {
  readonly bindings?: Readonly<Record<string, Binding>>;
  readonly entrypoints?: readonly string[];
  readonly limits?: Partial<Limits>;
}

/** Deploys a worker and waits until it is served. */
async function deploy(worker: string, source: string, options: Deploy = {}): Promise<WorkerId> {
  const deployed = await deployVersion(database, {
    worker,
    by: operator,
    code: {
      modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode(source) }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: [],
      sourceMaps: new Map(),
    },
    bindings: new Map(Object.entries(options.bindings ?? {})),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.entrypoints === undefined ? {} : { entrypoints: options.entrypoints }),
  });
  while (!runner.serves(worker, deployed.version)) await Bun.sleep(2);
  return deployed.workerId;
}

const get = (worker: string, path = "/", init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${runner.port}${path}`, {
    ...init,
    headers: { ...Object.fromEntries(new Headers(init.headers)), host: `${worker}.localhost` },
  });
const text = async (worker: string, path = "/", init: RequestInit = {}) =>
  (await get(worker, path, init)).text();

/** Deploys a worker whose fetch handler is \`body\`, bound to another one as \`env.OTHER\`. */
const caller = (worker: string, workerId: WorkerId, body: string, binding: Partial<Binding> = {}) =>
  deploy(
    worker,
    `export default { async fetch(request, env) {
      try { ${body} }
      catch (error) { return new Response(error.name + ": " + error.message, { status: 599 }) }
    } }`,
    { bindings: { OTHER: { kind: "worker", workerId, ...binding } as Binding } },
  );

test("a request through a binding reaches the other worker with the method, URL, headers and body it was given", async () => {
  const other = await deploy(
    "echo",
    `export default { async fetch(request) {
      return Response.json({ method: request.method, url: request.url, mine: request.headers.get("x-mine"),
        forwarded: request.headers.get("x-forwarded-for"), ray: request.headers.get("cf-ray"), body: await request.text() }, { status: 201 });
    } }`,
  );
  await caller(
    "asks",
    other,
    `return env.OTHER.fetch("https://any.example:8443/path?query=1", { method: "PUT", body: "hello", headers: { "x-mine": "1", "x-forwarded-for": "192.0.2.1", "cf-ray": "2" } });`,
  );
  const response = await get("asks");
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual({
    method: "PUT",
    url: "https://any.example:8443/path?query=1",
    mine: "1",
    forwarded: "192.0.2.1",
    ray: "2",
    body: "hello",
  });
});

test("a method of the other worker is called with its arguments, and its result or error comes back", async () => {
  const other = await deploy(
    "adder",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint {
      add(a, b) { return a + b; }
      fail() { throw new TypeError("not today"); }
    }`,
  );
  await caller(
    "adds",
    other,
    `if (request.url.endsWith("/fail")) return new Response(await env.OTHER.fail());
     return new Response(String(await env.OTHER.add(1, 2)));`,
  );
  expect(await text("adds")).toBe("3");
  expect(await text("adds", "/fail")).toBe("TypeError: not today");
  expect(await text("adds")).toBe("3");
  expect(reports).toEqual([]);
});
