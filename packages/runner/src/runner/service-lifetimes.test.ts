import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Binding, WorkerId } from "@openworkers/core";
import { startTestRunner, type TestRunner } from "./testing/test-runner.ts";

let it: TestRunner;
beforeAll(async () => {
  it = await startTestRunner({ idleMs: 500 });
});
afterAll(() => it[Symbol.asyncDispose]());

/** Deploys a worker whose fetch handler is `body`, bound to another one as `env.OTHER`. */
const caller = (worker: string, workerId: WorkerId, body: string, binding: Partial<Binding> = {}) =>
  it.deploy(
    worker,
    `export default { async fetch(request, env) {
      try { ${body} }
      catch (error) { return new Response(error.name + ": " + error.message, { status: 599 }) }
    } }`,
    { bindings: { OTHER: { kind: "worker", workerId, ...binding } as Binding } },
  );

test("a worker that is killed for its CPU time answers a request with 503, a call with an error, and neither hurts the caller", async () => {
  const other = await it.deploy(
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
  expect(await it.text("watches")).toBe("503 cpu-limit");
  expect(await it.text("watches", "/rpc")).toBe("Error: The worker used more CPU time than it may.");
  const [cell] = it.runner.cells().filter(({ worker }) => worker === "watches");
  expect(await it.text("watches", "/well")).toBe("well");
  expect(it.runner.cells()).toContainEqual(expect.objectContaining({ worker: "watches", pid: cell?.pid }));
});

test("a call that runs while the other worker is deployed anew ends in the old version; the next goes to the new one", async () => {
  const version = (number: number) => `import { WorkerEntrypoint } from "cloudflare:workers";
  export default class extends WorkerEntrypoint {
    async wait(isOver) { while (!(await isOver())) await new Promise((done) => setTimeout(done, 20)); return ${number}; }
    number() { return ${number}; }
  }`;
  const other = await it.deploy("renewed", version(1));
  await caller(
    "renews",
    other,
    `const { pathname } = new URL(request.url);
     if (pathname === "/number") return new Response(String(await env.OTHER.number()));
     if (pathname === "/asked") return new Response(String(globalThis.asked === true));
     if (pathname === "/over") { globalThis.over = true; return new Response(); }
     return new Response(String(await env.OTHER.wait(() => { globalThis.asked = true; return globalThis.over === true; })));`,
  );
  const waiting = it.text("renews");
  while ((await it.text("renews", "/asked")) !== "true") await Bun.sleep(2);
  expect(await it.text("renews", "/number")).toBe("1");
  await it.deploy("renewed", version(2));
  await it.text("renews", "/over");
  expect(await waiting).toBe("1");
  while ((await it.text("renews", "/number")) !== "2") await Bun.sleep(2);
});

test("a stub that is in use goes on to work while the worker that it leads to is deployed anew", async () => {
  const version = (number: number) => `import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
  class Counter extends RpcTarget { #count = 0; increment() { return [${number}, ++this.#count]; } }
  export default class extends WorkerEntrypoint { counter() { return new Counter(); } }`;
  const other = await it.deploy("counts", version(1));
  await caller(
    "holds",
    other,
    `const { pathname } = new URL(request.url);
     if (pathname === "/held") return new Response(String(globalThis.held === true));
     if (pathname === "/over") { globalThis.over = true; return new Response(); }
     using counter = await env.OTHER.counter();
     let [version, count] = await counter.increment();
     globalThis.held = true;
     while (globalThis.over !== true) {
       await new Promise((done) => setTimeout(done, 20));
       [version, count] = await counter.increment();
     }
     return Response.json({ version, counted: count > 1 });`,
  );
  const counting = it.text("holds");
  while ((await it.text("holds", "/held")) !== "true") await Bun.sleep(2);
  await it.deploy("counts", version(2));
  await it.text("holds", "/over");
  expect(await counting).toBe('{"version":1,"counted":true}');
});

test("a call keeps the cell that it is made to; once both are idle it goes, and the next call starts another", async () => {
  const other = await it.deploy(
    "sleeps",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    let known;
    export default class extends WorkerEntrypoint {
      async id(ms) {
        known ??= crypto.randomUUID();
        await new Promise((done) => setTimeout(done, ms));
        return known;
      }
    }`,
  );
  await caller(
    "wakes",
    other,
    `return new Response(await env.OTHER.id(Number(new URL(request.url).search.slice(1))));`,
  );
  const first = await it.text("wakes", "/?0");
  // Four times as long as a cell may be idle.
  expect(await it.text("wakes", "/?2000")).toBe(first);
  while (it.runner.cells().some(({ worker }) => worker === "sleeps")) await Bun.sleep(10);
  const second = await it.text("wakes", "/?0");
  expect([second.length, second === first]).toEqual([first.length, false]);
});

test("a caller that is given up on takes its call with it", async () => {
  const other = await it.deploy(
    "waits",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint {
      async wait() { await new Promise((done) => setTimeout(done, 60_000)); }
    }`,
  );
  await caller("impatient", other, `await env.OTHER.wait(); return new Response("never");`, {});
  const abort = new AbortController();
  const gone = it.get("impatient", "/", { signal: abort.signal }).catch((error) => error.name);
  const inFlight = () => it.runner.cells().find(({ worker }) => worker === "waits")?.inFlight ?? 0;
  while (inFlight() === 0) await Bun.sleep(5);
  abort.abort();
  expect(await gone).toBe("AbortError");
  while (inFlight() > 0) await Bun.sleep(5);
});

test("a stream through a call that its reader gives up on ends in the worker that writes it", async () => {
  const other = await it.deploy(
    "endless",
    `import { WorkerEntrypoint } from "cloudflare:workers";
    export default class extends WorkerEntrypoint {
      stream() {
        return new ReadableStream({
          async pull(controller) { await new Promise((done) => setTimeout(done, 10)); controller.enqueue(new Uint8Array(1_000)); },
          cancel() { globalThis.ended = true; },
        }, { type: "bytes" });
      }
      ended() { return globalThis.ended === true; }
    }`,
  );
  await caller(
    "reader",
    other,
    `if (request.url.endsWith("/ended")) return new Response(String(await env.OTHER.ended()));
     const stream = await env.OTHER.stream();
     const reader = stream.getReader();
     const { value } = await reader.read();
     await reader.cancel();
     return new Response(String(value.length));`,
  );
  expect(await it.text("reader")).toBe("1000");
  while ((await it.text("reader", "/ended")) !== "true") await Bun.sleep(20);
});
