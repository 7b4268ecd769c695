import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Bus, openLocalBus } from "@openworkers/bus";
import {
  encodePayload,
  type QueueConsumerSettings,
  type QueueId,
  queueConsumerSettings,
  queueSubject,
  streams,
} from "@openworkers/core";
import { countDelayed, createResource, maxDelayedMessages, pauseQueue } from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import { sql } from "kysely";
import { startTestRunner, type TestRunner } from "../../runner/testing/test-runner.ts";
import { until } from "../testing/queue-rig.ts";

let bus: Bus;
let it: TestRunner;
let count = 0;
const parts = new AsyncDisposableStack();

beforeAll(async () => {
  bus = parts.use(openLocalBus({ path: join(temporaryDirectory(), "bus.sqlite"), report: () => {} }));
  it = parts.use(await startTestRunner({}, undefined, bus));
}, 60_000);
afterAll(() => parts.disposeAsync(), 60_000);

/** A worker that sends what it is posted, and takes it again with `handler`. */
async function rig(handler: string, settings: Partial<QueueConsumerSettings> = {}) {
  const worker = `hostile-${++count}`;
  const queue = `hostile-queue-${count}`;
  const queueId = await createResource(it.database, "queue", { name: queue, by: it.operator });
  const source = `export default {
    async fetch(request, env) {
      await env.QUEUE.sendBatch((await request.json()).map((body) => ({ body })));
      return new Response("sent");
    },
    async queue(batch, env, ctx) {
      console.log("got " + batch.messages.map(({ body, attempts }) => body + attempts));
      ${handler}
    },
  };`;
  const workerId = await it.deploy(worker, source, {
    bindings: { QUEUE: { kind: "queue", queueId } },
    consumers: [
      { queue, settings: queueConsumerSettings({ maxBatchSize: 1, maxBatchTimeout: 0, ...settings }) },
    ],
  });
  return {
    ...{ worker, workerId, queue, queueId },
    send: (...bodies: string[]) => it.text(worker, "/", { method: "POST", body: JSON.stringify(bodies) }),
    lines: () => linesOf(worker),
  };
}

const linesOf = (worker: string) =>
  it.records.flatMap((record) =>
    record.kind === "line" && record.worker === worker ? [record.message] : [],
  );

const stored = (queueId: QueueId) => bus.stored(streams.queues.name, queueSubject(queueId));

describe("a batch under way", () => {
  test("ends by itself when its queue is paused: it is neither cut off nor counted as failed", async () => {
    const slow = await rig(`await scheduler.wait(500); console.log("ended");`, { maxRetries: 0 });
    await slow.send("a");
    await until(() => slow.lines().includes("got a1"));
    await pauseQueue(it.database, { nameOrId: slow.queue, paused: true, by: it.operator });
    await until(async () => (await stored(slow.queueId)) === 0);
    expect(slow.lines()).toEqual(["got a1", "ended"]);
  });
});

describe("a message that kills its worker's cell each time", () => {
  test("goes to the dead-letter queue, and what waits behind it is still delivered", async () => {
    const dead = await rig("");
    const poisoned = await rig(`if (batch.messages[0].body === "poison") for (;;);`, {
      maxRetries: 4,
      maxConcurrency: 1,
      deadLetterQueue: dead.queue,
    });
    await poisoned.send("poison", "good", "better");
    await until(async () => (await stored(poisoned.queueId)) === 0);
    await until(() => dead.lines().length > 0);
    expect(dead.lines()).toEqual(["got poison1"]);
    expect(poisoned.lines().filter((line) => line.startsWith("got p"))).toEqual(
      [1, 2, 3, 4, 5].map((attempt) => `got poison${attempt}`),
    );
    expect(poisoned.lines()).toContain("got good1");
    expect(poisoned.lines()).toContain("got better1");
  }, 120_000);
});

describe("a worker that keeps dying", () => {
  test("is not given messages for a while, and those do not count as failed", async () => {
    const dead = await rig("");
    const dying = await rig(`if (batch.messages[0].body === "poison") for (;;);`, {
      ...{ maxRetries: 0, maxConcurrency: 1, deadLetterQueue: dead.queue },
    });
    await dying.send("poison", "poison", "poison", "poison", "poison", "good");
    await until(async () => (await stored(dying.queueId)) === 0);
    await until(async () => (await stored(dead.queueId)) === 0);
    expect(dead.lines()).toEqual(new Array(5).fill("got poison1"));
    expect(dying.lines()).toContain("got good1");
  }, 60_000);
});

describe("a handler that retries all with a delay", () => {
  test("fills the database up to the queue's limit; what is over it stays on the bus", async () => {
    const hoarder = await rig(`batch.retryAll({ delaySeconds: 86_400 });`);
    await it.database.write((transaction) =>
      sql`insert into queue_delays (queue_id, message_id, attempts, due_at, sent_at, content_type, body)
        select ${hoarder.queueId}, gen_random_uuid(), 1, now() + interval '1 day', now(), 'text', 'x'
        from generate_series(1, ${maxDelayedMessages - 1})`.execute(transaction),
    );
    const refused = () =>
      it.reports.filter(
        ({ queueId, error }) =>
          queueId === hoarder.queueId && String(error).includes("Storage Limit Exceeded"),
      );
    await hoarder.send("a", "b", "c");
    await until(async () => (await stored(hoarder.queueId)) === 2);
    expect(refused()).toHaveLength(2);
    expect(await countDelayed(it.database, hoarder.queueId, 2 * maxDelayedMessages)).toBe(maxDelayedMessages);
    await pauseQueue(it.database, { nameOrId: hoarder.queue, paused: true, by: it.operator });
  });
});

describe("a message of a later release", () => {
  test("stays for a runner of that release, and what is behind it is delivered; what is none goes", async () => {
    const { queueId, send, lines } = await rig("");
    const publish = (id: string, payload: Uint8Array) => bus.publish(queueSubject(queueId), payload, { id });
    await publish("later", encodePayload({ v: 2 }));
    await publish("none", encodePayload({ v: 1 }));
    await send("known");
    await until(() => lines().includes("got known1"));
    await until(async () => (await stored(queueId)) === 1);
    const said = it.reports.filter((report) => report.queueId === queueId).map(({ message }) => message);
    expect(said.toSorted()).toEqual([
      "A queue's message is of a later release, and left to it.",
      "What lies in a queue is no message, and is dropped.",
    ]);
  });
});

describe("handlers that never end", () => {
  test("of a few workers do not keep the others' queues from being delivered", async () => {
    const greedy: Awaited<ReturnType<typeof rig>>[] = [];
    for (let worker = 0; worker < 5; worker++) {
      const first = await rig("await scheduler.wait(600_000);", { maxConcurrency: 20 });
      await first.send(..."abcdefghijklmnopqrst");
      greedy.push(first);
    }
    await until(() => greedy.every(({ lines }) => lines().length >= 12));
    const modest = await rig("");
    await modest.send("x");
    await until(() => modest.lines().length > 0);
    for (const { queue } of greedy) {
      await pauseQueue(it.database, { nameOrId: queue, paused: true, by: it.operator });
    }
    expect(modest.lines()).toEqual(["got x1"]);
  }, 60_000);
});
