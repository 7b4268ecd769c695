import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Bus, openLocalBus } from "@openworkers/bus";
import { startTestNats } from "@openworkers/bus/testing";
import { type QueueConsumerSettings, type QueueId, queueConsumerSettings, streams } from "@openworkers/core";
import {
  countDelayed,
  deleteResource,
  deleteWorker,
  pauseQueue,
  purgeQueue,
  setQueueConsumer,
} from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import { sql } from "kysely";
import { startTestRunner, type TestRunner } from "../../runner/testing/test-runner.ts";
import { QueueRigs, queueWorker, until } from "../testing/queue-rig.ts";

const report = () => {};

/** The buses that there are, each for tests of its own. */
const buses: Readonly<Record<string, (parts: AsyncDisposableStack) => Promise<Bus>>> = {
  nats: async (parts) => parts.use(await startTestNats()).connect(),
  local: async (parts) =>
    parts.use(await openLocalBus({ path: join(temporaryDirectory(), "bus.sqlite"), report })),
};

for (const [kind, open] of Object.entries(buses))
  describe(`queues over ${kind}`, () => {
    let bus: Bus;
    let it: TestRunner;
    let rigs: QueueRigs;
    const parts = new AsyncDisposableStack();

    beforeAll(async () => {
      bus = await open(parts);
      it = parts.use(await startTestRunner({}, undefined, bus));
      rigs = new QueueRigs(it, bus);
    }, 60_000);
    afterAll(async () => {
      await parts.disposeAsync();
    }, 60_000);

    const rig = (handler: string, settings?: Partial<QueueConsumerSettings>) => rigs.make(handler, settings);

    describe("a handler", () => {
      const cases: readonly [string, string, Record<string, number[]>][] = [
        ["that returns acknowledges all", "", { a: [1], b: [1], c: [1] }],
        [
          "that throws has all delivered again",
          `if (batch.messages[0].attempts < 3) throw new Error("no");`,
          { a: [1, 2, 3], b: [1, 2, 3], c: [1, 2, 3] },
        ],
        [
          "that retries one has that one delivered again",
          `for (const m of batch.messages) if (m.body === "b" && m.attempts < 3) m.retry();`,
          { a: [1], b: [1, 2, 3], c: [1] },
        ],
        [
          "that acknowledges one and throws has the others delivered again",
          `for (const m of batch.messages) if (m.body === "b") m.ack(); if (batch.messages[0].attempts === 1) throw new Error("no");`,
          { a: [1, 2], b: [1], c: [1, 2] },
        ],
        [
          "that acknowledges all and throws has none delivered again",
          `batch.ackAll(); throw new Error("no");`,
          { a: [1], b: [1], c: [1] },
        ],
        [
          "that retries all has all delivered again, but what it acknowledged",
          `if (batch.messages[0].attempts > 1) return; for (const m of batch.messages) if (m.body === "a") m.ack(); batch.retryAll();`,
          { a: [1], b: [1, 2], c: [1, 2] },
        ],
        [
          "that first retries and then acknowledges a message has it delivered again",
          `for (const m of batch.messages) if (m.attempts === 1) { m.retry(); m.ack(); }`,
          { a: [1, 2], b: [1, 2], c: [1, 2] },
        ],
        [
          "that is ended by its CPU limit has all delivered again",
          `if (batch.messages[0].attempts === 1) { batch.ackAll(); for (;;); }`,
          { a: [1, 2], b: [1, 2], c: [1, 2] },
        ],
        [
          "whose waitUntil work fails has all delivered again",
          `if (batch.messages[0].attempts === 1) ctx.waitUntil(Promise.reject(new Error("late")));`,
          { a: [1, 2], b: [1, 2], c: [1, 2] },
        ],
      ];
      for (const [name, handler, expected] of cases) {
        test.concurrent(name, async () => {
          const { send, attempts, stored } = await rig(handler);
          await send("a", "b", "c");
          await until(() => JSON.stringify(attempts()) === JSON.stringify(expected));
          await until(async () => (await stored()) === 0);
          expect(attempts()).toEqual(expected);
        });
      }
    });

    describe("messages", () => {
      test.concurrent("come as they were sent, of every content type, with one id through all attempts", async () => {
        const { worker, post, stored } = await rig(`
      for (const { body } of batch.messages) console.log(JSON.stringify({ got: [[body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? "bytes " + new Uint8Array(body.buffer ?? body) : body, 0, ""]] }));
      if (batch.messages[0].attempts === 1) batch.retryAll();`);
        await post([
          { body: { a: ["ü", 1, null] } },
          { body: "tëxt", contentType: "text" },
          { body: [1], contentType: "json" },
        ]);
        await until(() => rigs.deliveriesOf(worker).length === 8);
        await until(async () => (await stored()) === 0);
        const ids = rigs
          .deliveriesOf(worker)
          .flat()
          .filter(([, attempts]) => attempts > 0)
          .map(([, , id]) => id);
        expect(new Set(ids).size).toBe(3);
        expect(
          rigs
            .deliveriesOf(worker)
            .flat()
            .filter(([, attempts]) => attempts === 0)
            .slice(0, 3)
            .map(([body]) => body),
        ).toEqual([{ a: ["ü", 1, null] }, "tëxt", [1]]);
      });

      test.concurrent("wait for a batch to be full, or for the time it may take", async () => {
        const { send, batches, stored } = await rig("", { maxBatchSize: 4, maxBatchTimeout: 1 });
        await send(..."abcdef".split(""));
        await until(() => batches().flat().length === 6);
        expect(batches().map((batch) => batch.length)).toEqual([4, 2]);
        await until(async () => (await stored()) === 0);
      });

      test.concurrent("that fail too often go to the dead-letter queue, where their attempts are counted anew", async () => {
        const dead = await rig("");
        const { worker, send, attempts, stored } = await rig(`batch.retryAll();`, {
          maxRetries: 2,
          deadLetterQueue: dead.queue,
        });
        await send("x", "y", "z");
        await until(() => dead.batches().flat().length === 3);
        await until(async () => (await stored()) === 0);
        expect(attempts()).toEqual({ x: [1, 2, 3], y: [1, 2, 3], z: [1, 2, 3] });
        expect(dead.attempts()).toEqual({ x: [1], y: [1], z: [1] });
        expect(rigs.errorsOf(worker)).toEqual([]);
      });

      test.concurrent("that fail too often go away where there is no such queue, and the worker's log says so", async () => {
        const { worker, send, attempts, stored, queue } = await rig(`batch.retryAll();`, { maxRetries: 0 });
        await send("x");
        await until(async () => rigs.errorsOf(worker).length === 1);
        await until(async () => (await stored()) === 0);
        expect(attempts()).toEqual({ x: [1] });
        expect(rigs.errorsOf(worker)[0]).toContain(
          `of the queue ${queue} was delivered 1 times without success and is dropped`,
        );
      });

      test.concurrent("two queues that are each other's dead-letter queue pass a message back and forth", async () => {
        const one = await rig(`batch.retryAll();`, { maxRetries: 0 });
        const two = await rig(`batch.retryAll();`, { maxRetries: 0, deadLetterQueue: one.queue });
        await setQueueConsumer(it.database, {
          ...{ queue: one.queue, worker: one.worker, by: it.operator },
          settings: queueConsumerSettings({
            maxBatchSize: 3,
            maxBatchTimeout: 0,
            maxRetries: 0,
            deadLetterQueue: two.queue,
          }),
        });
        await one.send("ball");
        await until(() => (one.attempts().ball?.length ?? 0) >= 3);
        expect(two.attempts().ball?.length).toBeGreaterThanOrEqual(2);
        await pauseQueue(it.database, { nameOrId: one.queue, paused: true, by: it.operator });
      });
    });

    describe("batches", () => {
      /** The most of them that a worker whose handler says when it begins and ends has had at a time. */
      function mostAtATime(worker: string): number {
        let now = 0;
        let most = 0;
        for (const record of it.records) {
          if (record.kind !== "line" || record.worker !== worker || record.level !== "info") continue;
          now += record.message === "begin" ? 1 : -1;
          most = Math.max(most, now);
        }
        return most;
      }
      const slow = `console.info("begin"); await scheduler.wait(60); console.info("end");`;
      const letters = "abcdefgh".split("");

      test.concurrent("are no more at a time than the queue allows", async () => {
        for (const maxConcurrency of [1, 3]) {
          const settings = { maxBatchSize: 1, maxBatchTimeout: 0, maxConcurrency };
          const { worker, send, batches, stored } = await rig(slow, settings);
          await send(...letters);
          await until(async () => (await stored()) === 0);
          expect(batches()).toHaveLength(letters.length);
          expect(mostAtATime(worker)).toBe(maxConcurrency);
        }
      });

      test.concurrent("of one worker do not keep another's from being delivered", async () => {
        const greedy = await rig(slow, { maxBatchSize: 1, maxBatchTimeout: 0 });
        const modest = await rig("", { maxBatchSize: 1, maxBatchTimeout: 0 });
        for (let count = 0; count < 10; count++) await greedy.send(...letters, ...letters);
        await modest.send("one");
        await until(() => modest.batches().length === 1);
        expect(await greedy.stored()).toBeGreaterThan(0);
        await pauseQueue(it.database, { nameOrId: greedy.queue, paused: true, by: it.operator });
      });
    });

    describe("what waits", () => {
      const delays = (queueId: QueueId) =>
        it.database.read((queries) =>
          queries
            .selectFrom("queue_delays")
            .select(["attempts", sql<number>`round(extract(epoch from due_at - now()))::int`.as("seconds")])
            .where("queue_id", "=", queueId)
            .orderBy("due_at")
            .execute(),
        );

      test.concurrent("is kept by the database when it was sent with a delay, or its batch or its binding has one", async () => {
        const { worker, post, queueId, stored } = await rig("");
        await post([{ body: 1, delaySeconds: 100 }]);
        await post([{ body: 1, delaySeconds: 200 }, { body: 2 }], { delaySeconds: 300 });
        await it.deploy(worker, queueWorker(""), {
          bindings: { QUEUE: { kind: "queue", queueId, deliveryDelay: 400 } },
        });
        await post([{ body: 1 }]);
        const seconds = (await delays(queueId)).map((row) => Math.round(row.seconds / 100) * 100);
        expect(seconds).toEqual([100, 200, 300, 400]);
        expect(await stored()).toBe(0);
        for (const delaySeconds of [-1, 86_401]) {
          expect(await post([{ body: 1, delaySeconds }])).toEqual({
            error: expect.stringContaining(`delaySeconds of ${delaySeconds} is none`),
          });
        }
        expect(await delays(queueId)).toHaveLength(4);
      });

      test.concurrent("is kept by the database when it was retried with a delay, counted, before it is acknowledged", async () => {
        const { send, queueId, stored } = await rig(
          `for (const m of batch.messages) m.retry(m.body === "said" ? { delaySeconds: 500 } : undefined);`,
          { retryDelay: 900 },
        );
        await send("said", "queue's");
        await until(async () => (await delays(queueId)).length === 2);
        await until(async () => (await stored()) === 0);
        const kept = (await delays(queueId)).map((row) => [
          row.attempts,
          Math.round(row.seconds / 100) * 100,
        ]);
        expect(kept).toEqual([
          [1, 500],
          [1, 900],
        ]);
      });

      test.concurrent("is delivered when its queue is no longer paused, and not before", async () => {
        const { queue, queueId, send, batches, stored } = await rig("", { maxBatchTimeout: 0 });
        const pause = (paused: boolean) =>
          pauseQueue(it.database, { nameOrId: queue, paused, by: it.operator });
        await send("before");
        await until(() => batches().length === 1);
        await pause(true);
        await until(() => !it.runner.delivers(queueId));
        await send("later");
        expect(await stored()).toBe(1);
        expect(batches()).toHaveLength(1);
        await pause(false);
        await until(() => batches().length === 2);
        expect(batches()[1]).toEqual([["later", 1]]);
      });

      test.concurrent("is for the worker's next version when this one has no handler, and is not counted", async () => {
        const { worker, queueId, send, batches } = await rig("", { maxRetries: 0, maxBatchTimeout: 0 });
        const bindings = { QUEUE: { kind: "queue", queueId } as const };
        await it.deploy(worker, queueWorker("").replace("async queue(", "async other("), { bindings });
        await send("kept");
        await until(() =>
          it.records.some(
            (record) =>
              record.worker === worker && record.kind === "invocation" && record.outcome === "no-handler",
          ),
        );
        await it.deploy(worker, queueWorker(""), { bindings });
        await until(() => batches().length === 1);
        expect(batches()).toEqual([[["kept", 1]]]);
      });

      test.concurrent("goes when its queue is purged, on the bus and in the database", async () => {
        const { queue, queueId, post, send, stored, batches } = await rig("");
        await pauseQueue(it.database, { nameOrId: queue, paused: true, by: it.operator });
        await until(() => !it.runner.delivers(queueId));
        await send("one", "two");
        await post([{ body: "late", delaySeconds: 60 }]);
        expect([await stored(), await countDelayed(it.database, queueId)]).toEqual([2, 1]);
        await purgeQueue(it.database, { nameOrId: queue, by: it.operator });
        await until(async () => (await stored()) === 0);
        expect(await countDelayed(it.database, queueId)).toBe(0);
        await pauseQueue(it.database, { nameOrId: queue, paused: false, by: it.operator });
        await send("after");
        await until(() => batches().length > 0);
        expect(batches()).toEqual([[["after", 1]]]);
      });

      test.concurrent("goes with its queue, and so does its consumer on the bus", async () => {
        const { queue, queueId, worker, send, stored } = await rig("");
        const consumer = () => bus.consumerState(streams.queues.name, `queue-${queueId}`);
        await until(async () => (await consumer()) !== undefined);
        await pauseQueue(it.database, { nameOrId: queue, paused: true, by: it.operator });
        await until(() => !it.runner.delivers(queueId));
        await send("one");
        await deleteWorker(it.database, { worker, by: it.operator });
        await deleteResource(it.database, "queue", { nameOrId: queue, by: it.operator });
        await until(async () => (await stored()) === 0 && (await consumer()) === undefined);
      });
    });

    test("what became of messages is counted for Prometheus", async () => {
      const ended = () => {
        const counts: Record<string, number> = {};
        const line = /^ow_queue_messages_total\{end="(\w+)"\} (\d+)$/gm;
        for (const [, end = "", value] of it.metrics.text().matchAll(line)) counts[end] = Number(value);
        return counts;
      };
      const before = ended();
      const { send } = await rig(`batch.messages[0].retry();`, { maxRetries: 1, maxBatchSize: 1 });
      await send("x");
      const more = (end: string) => (ended()[end] ?? 0) - (before[end] ?? 0);
      // What an earlier test left may be dropped meanwhile.
      await until(() => more("dropped") >= 1 && more("retried") >= 1);
      expect(it.metrics.text()).toMatch(/^ow_queues \d+$/m);
    });
  });
