import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { InvocationRecord, LogLine, LogRecord, RequestId, WorkerId } from "@openworkers/core";
import { startTestRunner, type TestRunner } from "../runner/testing/test-runner.ts";
import type { EventEnd, ScheduledRun } from "./dispatch.ts";

let it: TestRunner;
beforeAll(async () => {
  it = await startTestRunner();
});
afterAll(() => it[Symbol.asyncDispose]());

const never = new AbortController().signal;

function run(workerId: WorkerId, given: Partial<ScheduledRun> = {}, signal = never): Promise<EventEnd> {
  const event = { workerId, cron: "*/5 * * * *", scheduledTime: 1_700_000_000_000, wallMs: 60_000 };
  return it.runner.events.scheduled({ ...event, ...given }, signal);
}

/** The lines that were written in one event, once so many of them have come. */
async function lines({ requestId }: EventEnd, count: number): Promise<LogLine[]> {
  for (;;) {
    const mine = it.records.filter((record) => record.kind === "line").filter(isOf(requestId));
    if (mine.length >= count) return mine;
    await Bun.sleep(1);
  }
}

const isOf = (requestId: RequestId) => (record: LogRecord) => record.requestId === requestId;

/** The record of one event. */
function invocation({ requestId }: EventEnd): InvocationRecord | undefined {
  return it.records.filter((record) => record.kind === "invocation").find(isOf(requestId));
}

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
    const workerId = await it.deploy(form, source.replace("BODY", body), {
      bindings: { VERSION: { kind: "version-metadata" } },
    });
    const end = await run(workerId);
    expect(end).toMatchObject({ outcome: "ok", noRetry: false });
    expect(end).not.toHaveProperty("error");
    expect(invocation(end)).toMatchObject({
      ...{ trigger: "scheduled", event: "*/5 * * * *", worker: form, version: 1, outcome: "ok" },
      ...{ method: "", host: "", path: "", status: 0, coldStart: true },
    });
    expect((await lines(end, 2)).map(({ message }) => message)).toEqual([
      JSON.stringify({
        cron: "*/5 * * * *",
        scheduledTime: 1_700_000_000_000,
        type: "scheduled",
        bound: "string",
      }),
      "waited for",
    ]);
  });
});
