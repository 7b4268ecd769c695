import { expect, test } from "bun:test";
import { newId, type QueueId, queueConsumerSettings, type WantedConsumer } from "@openworkers/core";
import { createResource, deleteResource } from "../resources.ts";
import { platform, rejection } from "../testing/fixtures.ts";
import { deleteWorker } from "../workers.ts";
import {
  countDelayed,
  type DelayedMessage,
  delayMessages,
  finishPurge,
  listQueueConsumers,
  listQueues,
  loadQueueDeliveries,
  loadQueuePurges,
  pauseQueue,
  purgeQueue,
  removeQueueConsumer,
  setQueueConsumer,
  takeDue,
} from "./mod.ts";

const settings = queueConsumerSettings({});
const takes = (queue: string, more: Partial<WantedConsumer["settings"]> = {}): WantedConsumer => ({
  queue,
  settings: { ...settings, ...more },
});
const delayed = (queueId: QueueId, more: Partial<DelayedMessage> = {}) => ({
  queueId,
  id: newId<"queue-message">(),
  attempts: 0,
  sentAt: 1_700_000_000_000,
  contentType: "json" as const,
  body: new Uint8Array([1, 2]),
  delaySeconds: 0,
  ...more,
});

test("a deploy makes the queues that its worker consumes, and takes back what the manifest no longer says", async () => {
  await using it = await platform();
  const { database, deploy, ada } = it;
  await deploy("shop", { consumers: [takes("orders", { deadLetterQueue: "dead" }), takes("mails")] });
  expect(
    (await listQueues(database)).map(({ name, owner, consumer }) => [name, owner, consumer?.worker]),
  ).toEqual([
    ["dead", "ada", undefined],
    ["mails", "ada", "shop"],
    ["orders", "ada", "shop"],
  ]);
  await createResource(database, "queue", { name: "by-hand", by: ada });
  await setQueueConsumer(database, { queue: "by-hand", worker: "shop", settings, by: ada });
  await deploy("shop", { consumers: [takes("orders", { maxBatchSize: 3 })] });
  expect(await listQueueConsumers(database)).toMatchObject([
    { queue: "by-hand", source: "user" },
    { queue: "orders", source: "manifest", settings: { ...settings, maxBatchSize: 3 } },
  ]);
  await deploy("shop");
  expect(await listQueueConsumers(database)).toHaveLength(2);
  await deploy("shop", { consumers: [] });
  expect(await listQueueConsumers(database)).toMatchObject([{ queue: "by-hand" }]);
});

test("a queue has one consumer: another worker's is refused, by a deploy with all of it", async () => {
  await using it = await platform();
  const { database, deploy, ada } = it;
  await deploy("one", { consumers: [takes("orders")] });
  const refused = { code: "CONFLICT", message: expect.stringContaining('worker "one"') };
  expect(await rejection(deploy("two", { consumers: [takes("mails"), takes("orders")] }))).toMatchObject(
    refused,
  );
  expect((await listQueues(database)).map(({ name }) => name)).toEqual(["orders"]);
  await deploy("two");
  const set = setQueueConsumer(database, { queue: "orders", worker: "two", settings, by: ada });
  expect(await rejection(set)).toMatchObject(refused);
  await removeQueueConsumer(database, { queue: "orders", by: ada });
  await setQueueConsumer(database, { queue: "orders", worker: "two", settings, by: ada });
  expect(await listQueueConsumers(database)).toMatchObject([{ worker: "two" }]);
});

test("nobody consumes another owner's queue, nor has its dead letters go there", async () => {
  await using it = await platform();
  const { database, deploy, ada, bob, operator } = it;
  const id = await createResource(database, "queue", { name: "bobs", by: bob });
  await createResource(database, "queue", { name: "mine", by: ada });
  await deploy("shop");
  for (const by of [ada, operator]) {
    const taken = setQueueConsumer(database, { queue: id, worker: "shop", settings, by });
    expect(await rejection(taken)).toMatchObject({ code: "NOT_FOUND" });
    const dead = { ...settings, deadLetterQueue: id };
    const letters = setQueueConsumer(database, { queue: "mine", worker: "shop", settings: dead, by });
    expect(await rejection(letters)).toMatchObject({ code: "NOT_FOUND" });
  }
  const past = database.write((queries) =>
    queries
      .insertInto("queue_consumers")
      .values({
        queue_id: id,
        owner_id: ada,
        worker_id: newId(),
        max_batch_size: 1,
        max_batch_timeout: 1,
        max_retries: 1,
        retry_delay: 0,
        max_concurrency: null,
        dead_letter_queue_id: null,
        from_manifest: false,
      })
      .execute(),
  );
  expect(await rejection(past)).toBeInstanceOf(Error);
  expect(await rejection(pauseQueue(database, { nameOrId: id, paused: true, by: ada }))).toMatchObject({
    code: "FORBIDDEN",
  });
});

test("a queue is not deleted while a worker consumes it or has its dead letters there", async () => {
  await using it = await platform();
  const { database, deploy, ada } = it;
  await deploy("shop", { consumers: [takes("orders", { deadLetterQueue: "dead" })] });
  for (const [nameOrId, how] of [
    ["orders", "its consumer"],
    ["dead", "its dead-letter queue"],
  ] as const) {
    const deleted = deleteResource(database, "queue", { nameOrId, by: ada });
    expect(await rejection(deleted)).toMatchObject({
      code: "CONFLICT",
      message: `The queue "${nameOrId}" is bound by shop (as ${how}).`,
    });
  }
  await deleteWorker(database, { worker: "shop", by: ada });
  for (const nameOrId of ["orders", "dead"]) await deleteResource(database, "queue", { nameOrId, by: ada });
  expect(await listQueues(database)).toEqual([]);
  expect((await loadQueuePurges(database)).map(({ deleted }) => deleted)).toEqual([true, true]);
});

test("delivered are the queues that are not paused and whose worker has a live version", async () => {
  await using it = await platform();
  const { database, deploy, ada } = it;
  const { workerId } = await deploy("shop", { consumers: [takes("orders", { maxConcurrency: 2 })] });
  const [delivery] = await loadQueueDeliveries(database);
  expect(delivery).toMatchObject({ queue: "orders", workerId, maxBatchSize: 10, maxConcurrency: 2 });
  expect(await loadQueueDeliveries(database, [newId()])).toEqual([]);
  await pauseQueue(database, { nameOrId: "orders", paused: true, by: ada });
  expect(await loadQueueDeliveries(database)).toEqual([]);
  await pauseQueue(database, { nameOrId: "orders", paused: false, by: ada });
  expect(await loadQueueDeliveries(database)).toHaveLength(1);
  await database.write((queries) => queries.deleteFrom("deployments").execute());
  expect(await loadQueueDeliveries(database)).toEqual([]);
});

test("of what is delayed, each due message is handed to one taker, and stays when it was not published", async () => {
  await using it = await platform();
  const { database, ada } = it;
  const queueId = await createResource(database, "queue", { name: "later", by: ada });
  const first = delayed(queueId);
  await delayMessages(database, [
    first,
    delayed(queueId),
    delayed(queueId, { delaySeconds: 3_600 } as never),
  ]);
  await delayMessages(database, [first]);
  expect([await countDelayed(database, queueId), await countDelayed(database, queueId, 2)]).toEqual([3, 2]);
  const taken: DelayedMessage[] = [];
  const failed = takeDue(database, { limit: 10, except: [] }, async () => {
    throw new Error("the bus is away");
  });
  expect(await rejection(failed)).toMatchObject({ message: "the bus is away" });
  const during: number[] = [];
  await takeDue(database, { limit: 10, except: [] }, async (messages) => {
    taken.push(...messages);
    during.push((await takeDue(database, { limit: 10, except: [] }, async () => [])).taken);
    return messages.map(({ id }) => (id === first.id ? "kept" : "published"));
  });
  expect(taken).toHaveLength(2);
  expect(taken.find(({ id }) => id === first.id)).toEqual({ ...first, delaySeconds: undefined } as never);
  expect(during).toEqual([0]);
  expect(await countDelayed(database, queueId)).toBe(2);
  const others = await takeDue(database, { limit: 10, except: [queueId] }, async () => []);
  expect(others).toEqual({ taken: 0, nextMs: expect.any(Number) });
  expect(others.nextMs).toBeGreaterThan(3_500_000);
});

test("of what is due, a queue with many messages leaves room for those of the others", async () => {
  await using it = await platform();
  const { database, ada } = it;
  const [many, few] = await Promise.all(
    ["many", "few"].map((name) => createResource(database, "queue", { name, by: ada })),
  );
  if (many === undefined || few === undefined) throw new Error("no queues");
  await delayMessages(
    database,
    Array.from({ length: 500 }, () => delayed(many)),
  );
  await delayMessages(database, [delayed(few)]);
  const taken: DelayedMessage[] = [];
  await takeDue(database, { limit: 200, except: [] }, async (messages) => {
    taken.push(...messages);
    return messages.map(() => "published");
  });
  expect(taken.filter(({ queueId }) => queueId === few)).toHaveLength(1);
  expect(taken.filter(({ queueId }) => queueId === many).length).toBeGreaterThan(50);
});

test("a message cannot be kept for a queue that is gone", async () => {
  await using it = await platform();
  const kept = delayMessages(it.database, [delayed(newId())]);
  expect(await rejection(kept)).toMatchObject({ code: "NOT_FOUND" });
});

test("a purge removes what is delayed, and is asked for until one as new is done", async () => {
  await using it = await platform();
  const { database, ada } = it;
  const queueId = await createResource(database, "queue", { name: "full", by: ada });
  await delayMessages(database, [delayed(queueId), delayed(queueId)]);
  expect(await purgeQueue(database, { nameOrId: "full", by: ada })).toBe(2);
  const [old] = await loadQueuePurges(database);
  if (old === undefined) throw new Error("no purge");
  expect(old).toMatchObject({ queueId, deleted: false });
  await finishPurge(database, { ...old, requestedAt: new Date(old.requestedAt.getTime() - 1) });
  expect(await loadQueuePurges(database)).toHaveLength(1);
  await finishPurge(database, old);
  expect(await loadQueuePurges(database)).toEqual([]);
});
