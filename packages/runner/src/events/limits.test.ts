import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { newId } from "@openworkers/core";
import { EventRig } from "./testing/event-rig.ts";

let it: EventRig;
beforeAll(async () => {
  it = await EventRig.start();
});
afterAll(() => it[Symbol.asyncDispose]());

const cellOf = (worker: string) => it.runner.runner.cells().find((cell) => cell.worker === worker);
const inFlight = (worker: string) => cellOf(worker)?.inFlight;

const forms = `
  const blocks = [];
  const work = {
    quick: async () => {},
    loop: async () => { for (;;); },
    memory: async () => { for (;;) blocks.push(new Uint8Array(8 << 20).fill(1)) },
    heap: async () => { for (;;) blocks.push(new Array(1e5).fill(1.1)) },
    sleep: async () => { console.log("asleep"); const at = setInterval(() => console.log("still here"), 20); await scheduler.wait(30_000); clearInterval(at); console.log("awake"); },
    forever: (ctx) => { ctx.waitUntil(work.sleep()) },
  };
  export default {
    async fetch() { return new Response("answers") },
    async scheduled(event, env, ctx) { await work[event.cron](ctx) },
    async queue(batch, env, ctx) { batch.messages[0].ack(); await work[batch.queue](ctx) },
  };`;

describe("an event", () => {
  test.each([
    ["loop", "cpu-limit"],
    ["heap", "memory-limit"],
  ] as const)("that does %s is ended for the %s, and the next is run", async (cron, outcome) => {
    const workerId = await it.runner.deploy(cron, forms, {
      limits: { cpuMs: 200, memoryBytes: 64 * 2 ** 20 },
    });
    const end = await it.scheduled(workerId, { cron });
    expect(end).toMatchObject({ outcome, noRetry: false, error: expect.stringContaining("more") });
    expect(it.invocation(end)?.outcome).toBe(outcome);
    const messages = ["a", "b"].map((body) => ({
      ...{ id: newId<"queue-message">(), sentAt: 1, attempts: 1, contentType: "text" as const },
      body: Buffer.from(body),
    }));
    const batch = await it.queue(workerId, { queue: cron, messages });
    // The handler's word died with it.
    expect(batch).toMatchObject({ outcome });
    expect([...batch.retries.keys()]).toEqual(messages.map(({ id }) => id));
    expect(await it.scheduled(workerId, { cron: "quick" })).toMatchObject({ outcome: "ok" });
  });

  test("that asks for more memory than it may have fails, and its cell goes on", async () => {
    const workerId = await it.runner.deploy("memory", forms, {
      limits: { memoryBytes: 64 * 2 ** 20, cpuMs: 5_000 },
    });
    const end = await it.scheduled(workerId, { cron: "memory" });
    expect(["exception", "memory-limit"]).toContain(end.outcome);
    expect(await it.scheduled(workerId, { cron: "quick" })).toMatchObject({ outcome: "ok" });
  });

  test.each(["sleep", "forever"])(
    "that does %s is ended for the wall-limit: its work stops, its place is free, its cell lives on",
    async (cron) => {
      const workerId = await it.runner.deploy(`wall-${cron}`, forms);
      const end = await it.scheduled(workerId, { cron, wallMs: 200 });
      expect(end).toMatchObject({ outcome: "wall-limit", error: "The worker took longer than 200 ms." });
      expect(it.invocation(end)?.outcome).toBe("wall-limit");
      expect(inFlight(`wall-${cron}`)).toBe(0);
      const pid = cellOf(`wall-${cron}`)?.pid;
      // By the time that the cell has answered this, it has seen that nobody waits for the other.
      expect(await it.scheduled(workerId, { cron: "quick" })).toMatchObject({ outcome: "ok" });
      const seen = it.runner.records.filter((record) => record.requestId === end.requestId).length;
      expect(await it.runner.text(`wall-${cron}`)).toBe("answers");
      const again = await it.scheduled(workerId, { cron, wallMs: 200 });
      expect(again.outcome).toBe("wall-limit");
      expect(it.runner.records.filter((record) => record.requestId === end.requestId)).toHaveLength(seen);
      expect(cellOf(`wall-${cron}`)?.pid).toBe(pid);
    },
  );

  test("whose cell is killed has crashed", async () => {
    const workerId = await it.runner.deploy("killed", forms);
    const running = it.scheduled(workerId, { cron: "sleep" });
    await it.written("killed", "asleep");
    const pid = cellOf("killed")?.pid ?? 0;
    expect(pid).toBeGreaterThan(0);
    process.kill(pid, "SIGKILL");
    expect(await running).toMatchObject({ outcome: "crashed", noRetry: false });
    expect(await it.scheduled(workerId, { cron: "quick" })).toMatchObject({ outcome: "ok" });
  });

  test("is canceled with its signal, and not begun when that has aborted before", async () => {
    const workerId = await it.runner.deploy("canceled", forms);
    const stop = new AbortController();
    const running = it.scheduled(workerId, { cron: "sleep" }, stop.signal);
    await it.written("canceled", "asleep");
    stop.abort(new Error("The runner stops."));
    expect(await running).toMatchObject({ outcome: "canceled" });
    expect(inFlight("canceled")).toBe(0);
    await expect(it.scheduled(workerId, {}, stop.signal)).rejects.toThrow("The runner stops.");
  });

  test("finds no place in a worker that is full, and takes one like a request", async () => {
    const workerId = await it.runner.deploy("full", forms, { limits: { concurrency: 1, queueLength: 0 } });
    // Nobody may wait, not even for the cell's start.
    while ((await it.runner.get("full")).status !== 200) await Bun.sleep(1);
    const stop = new AbortController();
    const running = it.scheduled(workerId, { cron: "sleep" }, stop.signal);
    await it.written("full", "asleep");
    const refused = await it.scheduled(workerId, { cron: "quick" });
    expect(refused).toMatchObject({ outcome: "overloaded", noRetry: false });
    expect(it.invocation(refused)?.outcome).toBe("overloaded");
    stop.abort();
    expect(await running).toMatchObject({ outcome: "canceled" });
  });

  test("of a worker that does not start fails with its reason", async () => {
    const workerId = await it.runner.deploy("unstartable", "throw new Error('at the top')");
    const end = await it.scheduled(workerId);
    expect(end).toMatchObject({ outcome: "exception", error: expect.stringContaining("at the top") });
  });

  test("runs beside a hundred others in one cell", async () => {
    const workerId = await it.runner.deploy(
      "many",
      "export default { async scheduled({ cron }) { await scheduler.wait(5); console.log(cron) } }",
    );
    const ends = await Promise.all(
      Array.from({ length: 100 }, (_, index) => it.scheduled(workerId, { cron: String(index) })),
    );
    expect(new Set(ends.map(({ requestId }) => requestId)).size).toBe(100);
    for (const [index, end] of ends.entries()) {
      expect(end.outcome).toBe("ok");
      expect((await it.lines(end, 1)).map(({ message }) => message)).toEqual([String(index)]);
    }
    expect(inFlight("many")).toBe(0);
  });

  test("that runs while the worker is deployed anew finishes in its old version", async () => {
    const limits = { firstByteMs: 1, backgroundMs: 1 };
    const source = (version: string) =>
      `export default { async scheduled({ cron }) { if (cron === "long") { console.log("long began"); await scheduler.wait(1_500); } console.log("${version}") } }`;
    const workerId = await it.runner.deploy("redeployed", source("old"), { limits });
    const running = it.scheduled(workerId, { cron: "long" });
    await it.written("redeployed", "long began");
    await it.runner.deploy("redeployed", source("new"), { limits });
    const next = await it.scheduled(workerId);
    expect((await it.lines(next, 1))[0]?.message).toBe("new");
    const end = await running;
    expect(end.outcome).toBe("ok");
    expect((await it.lines(end, 2)).map(({ message }) => message)).toEqual(["long began", "old"]);
  });
});

describe("the way by which events come", () => {
  test("is open neither to clients nor to what the cell sees", async () => {
    const workerId = await it.runner.deploy(
      "closed",
      `export default {
         fetch: (request) => new Response(JSON.stringify([...request.headers.keys()])),
         scheduled() { console.log("ran in closed") },
       }`,
    );
    await it.scheduled(workerId);
    await it.written("closed", "ran in closed");
    const before = it.runner.records.length;
    const head = JSON.stringify({ type: "scheduled", cron: "forged", scheduledTime: 0 });
    const headers = { "x-ow-event": String(head.length) };
    const response = await it.runner.get("closed", "/", { method: "POST", headers, body: head });
    expect(await response.json()).not.toContain("x-ow-event");
    const after = it.runner.records.slice(before);
    expect(after.some((record) => record.kind === "line" || record.trigger !== "fetch")).toBe(false);
    const paths = readdirSync(it.runner.runtimeDir, { recursive: true }).map(String);
    expect(paths.some((path) => /\/[a-z0-9]+\/events$/.test(path))).toBe(true);
    expect(paths.filter((path) => path.includes("sockets/") && path.includes("event"))).toEqual([]);
  });

  test("is not another worker's to take through a binding, by the entrypoint's name or by a call", async () => {
    const workerId = await it.runner.deploy(
      "victim",
      `export default { fetch: () => new Response("victim"), scheduled() { console.log("ran in victim") } }`,
    );
    const classId = await it.runner.deploy(
      "victim-class",
      `import { WorkerEntrypoint } from "cloudflare:workers";
       export default class extends WorkerEntrypoint { scheduled() { console.log("ran in victim") } }`,
    );
    const named = { kind: "worker", workerId, entrypoint: "openworkers events" } as const;
    const plain = { kind: "worker", workerId } as const;
    await it.runner.deploy(
      "attacker",
      `const tried = async (work) => { try { return String(await work()) } catch (error) { return error.message } };
       export default { async fetch(request, env) {
         const body = '{"type":"scheduled","cron":"forged","scheduledTime":0}';
         const init = { method: "POST", body, headers: { "x-ow-event": String(body.length) } };
         return Response.json([
           await tried(async () => (await env.NAMED.fetch("http://x/", init)).status),
           await tried(() => env.NAMED.scheduled({})),
           await tried(async () => (await env.PLAIN.fetch("http://x/", init)).text()),
           await tried(() => env.PLAIN.scheduled({ cron: "forged" })),
           await tried(() => env.PLAIN.queue("q", [])),
           await tried(() => env.CLASS.scheduled({ cron: "forged" })),
         ]);
       } }`,
      { bindings: { NAMED: named, PLAIN: plain, CLASS: { kind: "worker", workerId: classId } } },
    );
    const [status, ...rest] = (await (await it.runner.get("attacker")).json()) as string[];
    expect(status).toBe("501");
    const unknown = (method: string) => `The RPC receiver does not implement the method "${method}".`;
    expect(rest).toEqual([
      expect.any(String),
      "victim",
      unknown("scheduled"),
      unknown("queue"),
      unknown("scheduled"),
    ]);
    const lines = it.runner.records.filter(
      (record) => record.worker.startsWith("victim") && record.kind === "line",
    );
    expect(lines).toEqual([]);
    expect(await it.scheduled(workerId)).toMatchObject({ outcome: "ok" });
  });

  test("leaves a worker its own handlers to call, in a request and in a call of a method", async () => {
    const workerId = await it.runner.deploy(
      "own",
      `import { WorkerEntrypoint } from "cloudflare:workers";
       const worker = {
         fetch: async () => new Response(await worker.scheduled({ cron: "by itself" })),
         scheduled: async ({ cron }) => "ran " + cron,
       };
       export class Admin extends WorkerEntrypoint {
         run() { return worker.scheduled({ cron: "by a method" }) }
         async later() { await scheduler.wait(1); return worker.scheduled({ cron: "by a method, later" }) }
       }
       export default worker;`,
      { entrypoints: ["Admin"] },
    );
    await it.runner.deploy(
      "asks-own",
      `export default { async fetch(_, env) { return new Response(await env.ADMIN.run() + ", " + await env.ADMIN.later()) } }`,
      { bindings: { ADMIN: { kind: "worker", workerId, entrypoint: "Admin" } } },
    );
    expect(await it.runner.text("own")).toBe("ran by itself");
    expect(await it.runner.text("asks-own")).toBe("ran by a method, ran by a method, later");
  });
});
