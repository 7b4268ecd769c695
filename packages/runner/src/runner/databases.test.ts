import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { DatabaseId } from "@openworkers/core";
import { type TestGateway, testGateway } from "../bindings/database/testing/test-gateway.ts";
import { startTestRunner, type TestRunner } from "./testing/test-runner.ts";

let gateway: TestGateway;
let fixture: TestRunner;
let databaseId: DatabaseId;
beforeAll(async () => {
  fixture = await startTestRunner({}, async ({ url }) => {
    gateway = testGateway({ connectionString: url });
    return gateway;
  });
  ({ databaseId } = await fixture.createStores());
});
afterAll(() => fixture[Symbol.asyncDispose]());

describe("a worker's queries", () => {
  test("count as subrequests: 10,000 at once are as many as it may make, a few at a time, and the rest hear why", async () => {
    await fixture.deploy(
      "eager",
      `export default { async fetch(request, env) {
        const calls = Array.from({ length: 10_000 }, (_, index) => env.DB.prepare("select ?::int as n").bind(index).first("n"));
        const settled = await Promise.allSettled(calls);
        const refused = settled.filter(({ status }) => status === "rejected").map(({ reason }) => [reason.message, reason.code].join());
        const reasons = Object.entries(Object.groupBy(refused, (reason) => reason)).map(([reason, { length }]) => [length, reason]);
        const after = await env.DB.prepare("select 1 as one").first("one").catch(({ code }) => code);
        return Response.json({ done: settled.length - refused.length, reasons: reasons.sort(), after });
      } };`,
      {
        bindings: { DB: { kind: "database", databaseId } },
        limits: { subrequests: 100, subrequestConcurrency: 5, cpuMs: 30_000 },
      },
    );
    const before = gateway.asked.length;
    expect(await (await fixture.get("eager")).json()).toEqual({
      done: 100,
      reasons: [
        [
          900,
          "D1_ERROR: Too many subrequests: a request may make 100 (limits.subrequests).,SUBREQUEST_LIMIT",
        ],
        [
          9_000,
          "D1_ERROR: Too many queries at once: 1000 are under way in this worker. Use a batch.,OVERLOADED",
        ],
      ],
      after: "SUBREQUEST_LIMIT",
    });
    expect(gateway.asked.length - before).toBe(100);
    expect(gateway.peak).toBeLessThanOrEqual(5);
    const batch = gateway.asked.slice(before);
    expect(new Set(batch.map(({ worker, databaseId: id }) => `${worker} ${id}`))).toEqual(
      new Set([`eager ${databaseId}`]),
    );
  });

  test("end when the cell does", async () => {
    await fixture.deploy(
      "sleeper",
      `export default { async fetch(request, env) {
        if (new URL(request.url).pathname === "/sleep") await env.DB.prepare("select pg_sleep(1000)").run();
        else while (true) {}
      } };`,
      { bindings: { DB: { kind: "database", databaseId } }, limits: { cpuMs: 50 } },
    );
    const before = gateway.left;
    // A GET would be tried again in a new cell.
    const sleeping = fixture.get("sleeper", "/sleep", { method: "POST" });
    while (!gateway.asked.some(({ worker }) => worker === "sleeper")) await Bun.sleep(2);
    expect((await fixture.get("sleeper", "/loop")).status).toBe(503);
    expect((await sleeping).status).toBe(503);
    while (gateway.left === before) await Bun.sleep(2);
  });
});

test("a runner without databases says so to a worker that is bound to one, and serves it otherwise", async () => {
  await using without = await startTestRunner();
  const stores = await without.createStores();
  await without.deploy(
    "worker",
    `export default { async fetch(request, env) {
      return Response.json(await env.DB.prepare("select 1").all().catch(({ message, code }) => [message, code]));
    } };`,
    {
      bindings: {
        DB: { kind: "database", databaseId: stores.databaseId },
        HYPERDRIVE: { kind: "hyperdrive", databaseId: stores.databaseId },
      },
    },
  );
  expect(await (await without.get("worker")).json()).toEqual([
    "D1_ERROR: The binding failed.",
    "DATABASE_UNAVAILABLE",
  ]);
});
