import { expect, test } from "bun:test";
import { join } from "node:path";
import { openLocalBus } from "@openworkers/bus";
import {
  encodePayload,
  newId,
  type QueueId,
  type QueueMessage,
  queueBusId,
  queueConsumerSettings,
  queueSubject,
  streams,
  type WorkerId,
} from "@openworkers/core";
import { createResource, deployVersion, ensureOperator } from "@openworkers/db";
import { temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import type { QueueRun } from "../dispatch.ts";
import { QueueConsumers } from "./queue-consumers.ts";

const mib = 2 ** 20;

test("a worker whose queues are full of large messages holds a part of the memory, and another's queue is delivered", async () => {
  await using parts = new AsyncDisposableStack();
  const { database } = parts.use(await withTestDatabase());
  const { id: by } = await ensureOperator(database);
  const bus = parts.use(openLocalBus({ path: join(temporaryDirectory(), "bus.sqlite"), report: () => {} }));
  await bus.declare(streams.queues);

  async function deploy(
    worker: string,
    queues: number,
  ): Promise<{ workerId: WorkerId; queueIds: QueueId[] }> {
    const names = Array.from({ length: queues }, (_, index) => `${worker}-${index}`);
    const queueIds: QueueId[] = [];
    for (const name of names) queueIds.push(await createResource(database, "queue", { name, by }));
    const settings = queueConsumerSettings({ maxBatchSize: 10, maxBatchTimeout: 0 });
    const { workerId } = await deployVersion(database, {
      ...{ worker, by, bindings: new Map() },
      code: {
        modules: [
          { name: "index.js", type: "esModule", content: new TextEncoder().encode("export default {}") },
        ],
        ...{ compatibilityDate: "2026-11-01", compatibilityFlags: [], sourceMaps: new Map() },
      },
      consumers: names.map((queue) => ({ queue, settings })),
    });
    return { workerId, queueIds };
  }
  async function send(queueId: QueueId, messages: number, bytes: number): Promise<void> {
    const body = Buffer.alloc(bytes, "x").toString("base64");
    for (let index = 0; index < messages; index++) {
      const id = newId<"queue-message">();
      const message: QueueMessage = { v: 1, id, queueId, sentAt: 1, attempts: 0, contentType: "text", body };
      await bus.publish(queueSubject(queueId), encodePayload(message), { id: queueBusId(message) });
    }
  }

  const greedy = await deploy("greedy", 10);
  const modest = await deploy("modest", 1);
  for (const queueId of greedy.queueIds) await send(queueId, 20, 128_000);
  const runs: QueueRun[] = [];
  const freed = Promise.withResolvers<void>();
  const consumers = await QueueConsumers.start({
    ...{ database, bus, heldBytes: 16 * mib, report: () => {} },
    ...{ router: { choose: () => undefined }, logs: { emit: () => {} } },
    dispatch: {
      async queue(run) {
        runs.push(run);
        if (run.workerId === greedy.workerId) await freed.promise;
        const requestId = newId<"request">();
        const end = { requestId, outcome: "ok", startedAt: 1, wallMs: 1, cpuMs: 1, noRetry: false } as const;
        return { ...end, retries: new Map() };
      },
    },
  });
  parts.use(consumers);
  parts.defer(() => freed.resolve());
  const held = () => consumers.stats().heldBytes;
  // Less than half of it is held, and not one message more fits.
  while (held() < 7 * mib) await Bun.sleep(5);
  expect(held()).toBeLessThanOrEqual(8 * mib);
  for (const queueId of modest.queueIds) await send(queueId, 5, 128_000);
  while (!runs.some(({ workerId }) => workerId === modest.workerId)) await Bun.sleep(5);
  expect(held()).toBeLessThan(16 * mib);
  freed.resolve();
  for (const queueId of [...greedy.queueIds, ...modest.queueIds]) {
    while ((await bus.stored(streams.queues.name, queueSubject(queueId))) > 0) await Bun.sleep(20);
  }
  const delivered = runs.flatMap(({ messages }) => messages.map(({ id, attempts }) => `${id} ${attempts}`));
  expect(new Set(delivered).size).toBe(205);
  expect(held()).toBe(0);
}, 60_000);
