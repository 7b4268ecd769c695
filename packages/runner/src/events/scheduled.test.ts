import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EventRig } from "./testing/event-rig.ts";

let it: EventRig;
beforeAll(async () => {
  it = await EventRig.start();
});
afterAll(() => it[Symbol.asyncDispose]());

describe("scheduled()", () => {
  test.each([
    ["object", "export default { async scheduled(event, env, ctx) { BODY } }"],
    ["frozen-object", "export default Object.freeze({ scheduled: async (event, env, ctx) => { BODY } })"],
    ["getter", "export default { get scheduled() { return async (event, env, ctx) => { BODY } } }"],
    [
      "class-method",
      `import { WorkerEntrypoint } from "cloudflare:workers";
       export default class extends WorkerEntrypoint { async scheduled(event) { const { env, ctx } = this; BODY } }`,
    ],
    [
      "class-field",
      `import { WorkerEntrypoint } from "cloudflare:workers";
       export default class extends WorkerEntrypoint { scheduled = async (event) => { const { env, ctx } = this; BODY } }`,
    ],
    [
      "service-worker",
      `addEventListener("scheduled", (event) => { const env = { VERSION }, ctx = event; event.waitUntil((async () => { BODY })()) })`,
    ],
  ])("of the form %s gets the event, its bindings and a context", async (form, source) => {
    const body = `
      const { cron, scheduledTime, type } = event;
      ctx.waitUntil((async () => { await scheduler.wait(5); console.log("waited for"); })());
      console.log(JSON.stringify({ cron, scheduledTime, type, bound: typeof env.VERSION.id }));`;
    const workerId = await it.runner.deploy(form, source.replace("BODY", body), {
      bindings: { VERSION: { kind: "version-metadata" } },
    });
    const end = await it.scheduled(workerId);
    expect(end).toMatchObject({ outcome: "ok", noRetry: false });
    expect(end).not.toHaveProperty("error");
    expect(it.invocation(end)).toMatchObject({
      ...{ trigger: "scheduled", event: "*/5 * * * *", worker: form, version: 1, outcome: "ok" },
      ...{ method: "", host: "", path: "", status: 0, coldStart: true },
    });
    expect((await it.lines(end, 2)).map(({ message }) => message)).toEqual([
      JSON.stringify({
        cron: "*/5 * * * *",
        scheduledTime: 1_700_000_000_000,
        type: "scheduled",
        bound: "string",
      }),
      "waited for",
    ]);
  });

  test("that is missing, of a worker or of one that is not there, is told as such", async () => {
    const workerId = await it.runner.deploy("fetch-only", "export default { fetch: () => new Response() }");
    const missing = await it.scheduled(workerId);
    expect(missing).toMatchObject({ outcome: "no-handler", noRetry: true });
    expect(it.invocation(missing)?.outcome).toBe("no-handler");
    await it.runner.withdraw("fetch-only");
    while (it.runner.runner.serves("fetch-only", 1)) await Bun.sleep(2);
    const gone = await it.scheduled(workerId);
    expect(gone).toMatchObject({ outcome: "not-found", noRetry: false });
    expect(it.invocation(gone)).toBeUndefined();
  });

  test("that throws, or whose waitUntil work does, has failed, with its stack in the log", async () => {
    const workerId = await it.runner.deploy(
      "throws",
      `function fail(message) { throw new RangeError(message + "\\nsecond line") }
       export default { async scheduled(event, env, ctx) {
         event.noRetry();
         if (event.cron === "sync") fail("at once");
         ctx.waitUntil((async () => { await scheduler.wait(1); fail("later") })());
       } }`,
    );
    for (const [cron, message] of [
      ["sync", "at once"],
      ["other", "later"],
    ] as const) {
      const end = await it.scheduled(workerId, { cron });
      expect(end).toMatchObject({ outcome: "exception", error: `RangeError: ${message}`, noRetry: true });
      const [line] = await it.lines(end, 1);
      expect(line?.exception).toMatchObject({ name: "RangeError", message: `${message}\nsecond line` });
      expect(line?.exception?.stack).toMatch(/at fail \(index\.js:1:/);
      expect(line?.exception?.stack).not.toContain("openworkers");
    }
  });

  test("is quoted in one line that any table and terminal can hold", async () => {
    const workerId = await it.runner.deploy(
      "quoted",
      `export default { scheduled({ cron }) {
         if (cron === "long") throw new Error("x".repeat(1e6));
         if (cron === "object") throw { toString() { throw 1 } };
         throw new Error("a\\0b\\x1b[31m\\ud800 \\r\\nc");
       } }`,
    );
    const errorOf = async (cron: string) => (await it.scheduled(workerId, { cron })).error;
    expect(await errorOf("control")).toBe("Error: a b [31m\ufffd  ");
    expect((await errorOf("long"))?.length).toBe(1_000);
    expect(await errorOf("object")).toBe("An exception that cannot be described was thrown.");
  });

  test("waits for work that is given to waitUntil by work that is waited for", async () => {
    const workerId = await it.runner.deploy(
      "nested",
      `const later = async (ctx, depth) => {
         await scheduler.wait(2);
         console.log("depth " + depth);
         if (depth < 3) ctx.waitUntil(later(ctx, depth + 1));
       };
       export default { scheduled(_, __, ctx) { ctx.waitUntil(later(ctx, 1)) } }`,
    );
    const end = await it.scheduled(workerId);
    expect((await it.lines(end, 3)).map(({ message }) => message)).toEqual(["depth 1", "depth 2", "depth 3"]);
  });

  test("waits for what the waitUntil of cloudflare:workers is given, in a helper or a callback too", async () => {
    const workerId = await it.runner.deploy(
      "module-wait",
      `import { waitUntil } from "cloudflare:workers";
       const work = async (what) => { await scheduler.wait(20); console.log(what) };
       const helper = () => waitUntil(work("helped"));
       export default { async scheduled({ cron }) {
         if (cron === "fails") return waitUntil(scheduler.wait(5).then(() => { throw new RangeError("later") }));
         const imported = await import("cloudflare:workers");
         imported.waitUntil(work("imported"));
         helper();
         setTimeout(() => waitUntil(work("called back").then(helper)), 5);
         waitUntil(scheduler.wait(10));
       } }`,
    );
    const end = await it.scheduled(workerId);
    expect(end.outcome).toBe("ok");
    expect(end.wallMs).toBeGreaterThanOrEqual(40);
    expect((await it.lines(end, 4)).map(({ message }) => message)).toEqual([
      ...["imported", "helped", "called back", "helped"],
    ]);
    expect(await it.scheduled(workerId, { cron: "fails" })).toMatchObject({
      ...{ outcome: "exception", error: "RangeError: later" },
    });
  });

  test("counts its subrequests as a request does", async () => {
    const other = await it.runner.deploy("asked", "export default { fetch: () => new Response() }");
    const workerId = await it.runner.deploy(
      "asks",
      `export default { async scheduled(_, env) {
         const made = [];
         for (let index = 0; index < 4; index++) made.push((await env.OTHER.fetch("http://x/")).status);
         console.log(made.join());
       } }`,
      { limits: { subrequests: 2 }, bindings: { OTHER: { kind: "worker", workerId: other } } },
    );
    const [line] = await it.lines(await it.scheduled(workerId), 1);
    expect(line?.message).toBe("200,200,429,429");
  });

  test("does as it would when the worker tampers with built-ins, or answers for another", async () => {
    const workerId = await it.runner.deploy(
      "tampers",
      `Promise.prototype.then = () => { throw 1 }; Headers.prototype.get = () => "forged"; JSON.parse = null;
       Request.prototype.arrayBuffer = Uint8Array.prototype.subarray = TextDecoder.prototype.decode = null;
       Reflect.apply = Reflect.defineProperty = Function.prototype.call = WeakMap.prototype.get = null;
       export default { async scheduled(event, env, ctx) { ctx.waitUntil((async () => { console.log(event.cron) })()) } }`,
    );
    const end = await it.scheduled(workerId, { cron: "still" });
    expect(end.outcome).toBe("ok");
    expect((await it.lines(end, 1))[0]?.message).toBe("still");
    const forger = await it.runner.deploy(
      "forges",
      `Object.prototype.toJSON = () => ({ outcome: "ok", retries: ["all"] });
       export default { async scheduled() {} }`,
    );
    expect(await it.scheduled(forger)).toMatchObject({
      outcome: "exception",
      error: "The worker did not say how the event ended.",
    });
  });
});
