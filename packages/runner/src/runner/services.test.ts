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
import { Permissions } from "../egress/guard/permissions.ts";
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
        egress: { open: true, permissions: Permissions.none, certificates: undefined },
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

const says = (what: string): string =>
  `export default { fetch: () => new Response(${JSON.stringify(what)}) }`;

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

const library = `import { WorkerEntrypoint, RpcTarget } from "cloudflare:workers";
class Counter extends RpcTarget {
  #count = 0;
  increment(by = 1) { this.#count += by; return this.#count; }
  get value() { return this.#count; }
  child() { return new Counter(); }
}
export default class extends WorkerEntrypoint {
  counter() { return new Counter(); }
  adder() { let sum = 0; return (by) => (sum += by); }
  async twice(callback) { return [await callback(1), await callback(2)]; }
  async length(stream) { let bytes = 0; for await (const chunk of stream) bytes += chunk.length; return bytes; }
  zeros(bytes) {
    return new ReadableStream({ type: "bytes", pull(controller) {
      const chunk = new Uint8Array(Math.min(65_536, bytes)); bytes -= chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk); if (bytes === 0) controller.close();
    } });
  }
  map() { return new Map([["date", new Date(0)]]); }
  async respond(request) { return new Response(await request.text() + "!", { headers: request.headers }); }
  isolate() { return (globalThis.id ??= crypto.randomUUID()); }
}`;

test("stubs, functions, pipelined calls, disposal and structured values work as between workers of one process", async () => {
  const other = await deploy("library", library);
  await caller(
    "reads",
    other,
    `const results = {};
     {
       using counter = await env.OTHER.counter();
       await counter.increment(2);
       results.counter = [await counter.increment(), await counter.value];
       results.pipelined = await env.OTHER.counter().child().increment(5);
     }
     const add = await env.OTHER.adder();
     results.adder = [await add(1), await add(2)];
     let seen = 0;
     results.twice = await env.OTHER.twice(async (value) => (seen += value) * 10);
     results.date = (await env.OTHER.map()).get("date").toISOString();
     const response = await env.OTHER.respond(new Request("http://x/", { method: "POST", body: "hi", headers: { "x-mine": "1" } }));
     results.response = [await response.text(), response.headers.get("x-mine")];
     const gone = await env.OTHER.counter();
     gone[Symbol.dispose]();
     results.gone = await gone.increment().catch((error) => error.message);
     results.missing = await env.OTHER.nothing().catch((error) => error.message);
     return Response.json(results);`,
  );
  expect(await (await get("reads")).json()).toEqual({
    counter: [3, 3],
    pipelined: 5,
    adder: [1, 3],
    twice: [10, 30],
    date: "1970-01-01T00:00:00.000Z",
    response: ["hi!", "1"],
    gone: "RPC stub used after being disposed.",
    missing: 'The RPC receiver does not implement the method "nothing".',
  });
});

test("streams go both ways as arguments and results, far larger than any buffer", async () => {
  const other = await deploy("streams", library);
  await caller(
    "streamer",
    other,
    `if (request.method === "POST") return new Response(String(await env.OTHER.length(request.body)));
     return new Response(await env.OTHER.zeros(50_000_000));`,
  );
  expect((await (await get("streamer")).bytes()).length).toBe(50_000_000);
  expect(await text("streamer", "/", { method: "POST", body: new Uint8Array(30_000_000) })).toBe("30000000");
});

test("a WebSocket opens through a binding and carries messages both ways", async () => {
  const other = await deploy(
    "socket",
    `export default { fetch() {
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.addEventListener("message", ({ data }) => server.send("echo " + data));
      return new Response(null, { status: 101, webSocket: client });
    } }`,
  );
  await caller("opens", other, "return env.OTHER.fetch(request);");
  const socket = new WebSocket(`ws://127.0.0.1:${runner.port}/`, {
    headers: { host: "opens.localhost" },
  } as never);
  const message = new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = reject;
  });
  socket.onopen = () => socket.send("hello");
  expect(await message).toBe("echo hello");
  socket.close();
});

test("a worker can bind itself", async () => {
  const source = `import { WorkerEntrypoint } from "cloudflare:workers";
  export default class extends WorkerEntrypoint {
    double(value) { return value * 2; }
    async fetch(request) {
      if (new URL(request.url).pathname === "/inner") return new Response("inner");
      if (this.env.SELF === undefined) return new Response("unbound");
      return new Response(await (await this.env.SELF.fetch("http://self/inner")).text() + (await this.env.SELF.double(21)));
    }
  }`;
  const workerId = await deploy("selfish", source);
  await deploy("selfish", source, { bindings: { SELF: { kind: "worker", workerId } } });
  expect(await text("selfish")).toBe("inner42");
});

test("a circle of requests ends with an error that names the limit, and both workers serve afterwards", async () => {
  const loops = `export default { async fetch(request, env) {
    if (new URL(request.url).pathname === "/well") return new Response("well");
    return env.OTHER.fetch("http://other/");
  } }`;
  const first = await deploy("loop-a", says("soon"));
  const second = await deploy("loop-b", loops, { bindings: { OTHER: { kind: "worker", workerId: first } } });
  await deploy("loop-a", loops, { bindings: { OTHER: { kind: "worker", workerId: second } } });
  const response = await get("loop-a");
  expect(response.status).toBe(508);
  expect(await response.text()).toContain("more than 16 deep");
  expect([await text("loop-a", "/well"), await text("loop-b", "/well")]).toEqual(["well", "well"]);
});

test("a circle of method calls ends with an error that names the limit, and both workers serve afterwards", async () => {
  const loops = `import { WorkerEntrypoint } from "cloudflare:workers";
  export default class extends WorkerEntrypoint {
    async round(depth) { return this.env.OTHER === undefined ? 0 : await this.env.OTHER.round(depth + 1); }
    async fetch(request) {
      if (new URL(request.url).pathname === "/well") return new Response("well");
      try { return new Response(String(await this.round(0))); }
      catch (error) { return new Response(error.message, { status: 599 }); }
    }
  }`;
  const first = await deploy("round-a", loops);
  const second = await deploy("round-b", loops, { bindings: { OTHER: { kind: "worker", workerId: first } } });
  await deploy("round-a", loops, { bindings: { OTHER: { kind: "worker", workerId: second } } });
  const response = await get("round-a");
  expect(response.status).toBe(599);
  expect(await response.text()).toContain("256");
  expect([await text("round-a", "/well"), await text("round-b", "/well")]).toEqual(["well", "well"]);
});

test("a worker that is killed for its CPU time answers a request with 503, a call with an error, and neither hurts the caller", async () => {
  const other = await deploy(
    "burns",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint {
      burn() { for (;;); }
      fetch() { for (;;); }
      well() { return "well"; }
    }`,
  );
  await caller(
    "watches",
    other,
    `const { pathname } = new URL(request.url);
     if (pathname === "/rpc") return new Response(await env.OTHER.burn());
     if (pathname === "/well") return new Response(await env.OTHER.well());
     const response = await env.OTHER.fetch(request);
     return new Response(response.status + " " + response.headers.get("x-termination-reason"));`,
  );
  expect(await text("watches")).toBe("503 cpu-limit");
  expect(await text("watches", "/rpc")).toBe("Error: The worker used more CPU time than it may.");
  const [cell] = runner.cells().filter(({ worker }) => worker === "watches");
  expect(await text("watches", "/well")).toBe("well");
  expect(runner.cells()).toContainEqual(expect.objectContaining({ worker: "watches", pid: cell?.pid }));
});

test("a call that runs while the other worker is deployed anew ends in the old version; the next goes to the new one", async () => {
  const version = (number: number) => `import { WorkerEntrypoint } from "cloudflare:workers";
  let open = false;
  export default class extends WorkerEntrypoint {
    async wait(started) { await started(); while (!open) await new Promise((done) => setTimeout(done, 50)); return ${number}; }
    number() { return ${number}; }
    fetch() { open = true; return new Response("${number}"); }
  }`;
  const other = await deploy("renewed", version(1));
  await caller(
    "renews",
    other,
    `const { pathname } = new URL(request.url);
     if (pathname === "/number") return new Response(String(await env.OTHER.number()));
     if (pathname === "/started") return new Response(String(globalThis.started === true));
     return new Response(String(await env.OTHER.wait(() => { globalThis.started = true })));`,
  );
  const waiting = text("renews");
  while ((await text("renews", "/started")) !== "true");
  expect(await text("renews", "/number")).toBe("1");
  await deploy("renewed", version(2));
  // The old version is reached by its number still.
  expect(await text("1--renewed")).toBe("1");
  expect(await waiting).toBe("1");
  while ((await text("renews", "/number")) !== "2");
});

test("calls are recorded as invocations of the worker that was called", async () => {
  const called = records.filter((record) => record.kind === "invocation" && record.worker === "adder");
  expect(called).toContainEqual(
    expect.objectContaining({ trigger: "service", method: "RPC", outcome: "ok", status: 200 }),
  );
  expect(called).toContainEqual(
    expect.objectContaining({ trigger: "service", outcome: "exception", status: 500 }),
  );
  expect(records).toContainEqual(
    expect.objectContaining({
      trigger: "service",
      worker: "echo",
      method: "PUT",
      status: 201,
      host: "any.example",
    }),
  );
});

test("nothing was reported to the operator", () => {
  expect(reports).toEqual([]);
});
