import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Bus, maxBacklogMessages } from "@openworkers/bus";
import { startTestNats, type TestNats } from "@openworkers/bus/testing";
import {
  decodePayload,
  newId,
  OpenWorkersError,
  type QueueId,
  type QueueMessage,
  queueConsumerName,
  queueMessageSchema,
  queueSubject,
  streams,
} from "@openworkers/core";
import { countDelayed, createResource, type Database, delayMessages, ensureOperator } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { createDelays, type DelaysOptions } from "./delays.ts";

let nats: TestNats;
let bus: Bus;
let test_: TestDatabase;
let database: Database;
let count = 0;

beforeAll(async () => {
  nats = await startTestNats();
  bus = await nats.connect();
  await bus.declare(streams.queues);
  test_ = await withTestDatabase();
  database = test_.database;
});
afterAll(async () => {
  await nats?.[Symbol.asyncDispose]();
  await test_?.[Symbol.asyncDispose]();
});

async function newQueue(): Promise<QueueId> {
  const { id: by } = await ensureOperator(database);
  return await createResource(database, "queue", { name: `queue-${++count}`, by });
}

const message = (queueId: QueueId, text: string, delaySeconds: number) => ({
  ...{ queueId, id: newId<"queue-message">(), attempts: 0, sentAt: Date.now() - 5, delaySeconds },
  ...{ contentType: "text" as const, body: new TextEncoder().encode(text) },
});

/** What is published on the queue's subject, as it comes. */
async function watch(queueId: QueueId) {
  const seen: (QueueMessage & { busId: string })[] = [];
  const consumption = await bus.consume(
    {
      ...{ stream: streams.queues.name, name: `test-${queueId}`, subject: queueSubject(queueId) },
      ...{ inFlight: 100, maxUnacknowledged: 1_000, ackWaitMs: 30_000, backoffMs: [0] },
    },
    async ({ payload, id }) => void seen.push({ ...decodePayload(queueMessageSchema, payload), busId: id }),
  );
  return { seen, [Symbol.asyncDispose]: () => consumption[Symbol.asyncDispose]() };
}

/** What the movers ask of the bus beside publishing. */
const counting = (): Omit<DelaysOptions["bus"], "publish"> => ({
  declare: (stream) => bus.declare(stream),
  streamState: (stream) => bus.streamState(stream),
  consumerState: (stream, name) => bus.consumerState(stream, name),
  stored: (stream, subject) => bus.stored(stream, subject),
});

const reports: string[] = [];
const report = (said: string) => void reports.push(said);

test("messages are published when they are due, each once, however many movers there are", async () => {
  const queueId = await newQueue();
  await using watched = await watch(queueId);
  const sent = Array.from({ length: 500 }, (_, index) => message(queueId, `now ${index}`, 0));
  const later = message(queueId, "later", 2);
  const before = Date.now();
  await delayMessages(database, [...sent, later, message(queueId, "tomorrow", 86_400)]);
  await using _one = createDelays({ database, bus, report });
  await using _two = createDelays({ database, bus, report });
  while (watched.seen.length < 501) await Bun.sleep(5);
  expect(Date.now() - before).toBeGreaterThanOrEqual(2_000);
  const { busId, ...last } = watched.seen.at(-1) ?? {};
  expect(busId).toBe(`${queueId}:${later.id}:0`);
  expect(last).toEqual({
    ...{ v: 1, queueId, id: later.id, sentAt: later.sentAt, attempts: 0, contentType: "text" },
    body: Buffer.from("later").toString("base64"),
  } as never);
  expect(new Set(watched.seen.map(({ id }) => id)).size).toBe(501);
  while ((await countDelayed(database, queueId)) > 1) await Bun.sleep(5);
  expect(watched.seen).toHaveLength(501);
});

test("nothing is lost when the bus is away, and one message that was published before the other end knew is stored once", async () => {
  const queueId = await newQueue();
  await using watched = await watch(queueId);
  const sent = message(queueId, "kept", 0);
  await delayMessages(database, [sent]);
  let refused = 0;
  const forgetful: DelaysOptions["bus"] = {
    ...counting(),
    async publish(...given) {
      const published = await bus.publish(...given);
      if (refused++ < 2) throw new OpenWorkersError("BUS_UNAVAILABLE", "no answer came");
      return published;
    },
  };
  await using _mover = createDelays({ database, bus: forgetful, report });
  while ((await countDelayed(database, queueId)) > 0) await Bun.sleep(5);
  expect(refused).toBe(3);
  expect(watched.seen.map(({ id }) => id)).toEqual([sent.id]);
});

test.each([
  [
    "the bus",
    (full: QueueId): Pick<Bus, "publish"> => ({
      async publish(subject, ...rest) {
        if (subject === queueSubject(full)) throw new OpenWorkersError("BUS_FULL", "no room");
        return await bus.publish(subject, ...rest);
      },
    }),
  ],
  [
    "its own room",
    (full: QueueId): Pick<Bus, "publish" | "consumerState"> => ({
      publish: (...given) => bus.publish(...given),
      consumerState: async (stream, name) =>
        name === queueConsumerName(full)
          ? { floor: 0, pending: maxBacklogMessages, unacknowledged: 0, redelivered: 0 }
          : await bus.consumerState(stream, name),
    }),
  ],
])(
  "a queue for which %s takes no more keeps its own messages waiting, and nobody else's",
  async (_, refusing) => {
    const [full, other] = [await newQueue(), await newQueue()];
    reports.length = 0;
    await using watched = await watch(other);
    const picky: DelaysOptions["bus"] = { ...counting(), ...refusing(full) };
    await delayMessages(
      database,
      Array.from({ length: 300 }, (_, index) => message(full, `full ${index}`, 0)),
    );
    await using _mover = createDelays({ database, bus: picky, report });
    while (!reports.some((said) => said.includes("it takes no more"))) await Bun.sleep(5);
    await delayMessages(database, [message(other, "through", 0)]);
    while (watched.seen.length === 0) await Bun.sleep(5);
    expect(await countDelayed(database, full)).toBe(300);
  },
);
