import { expect, test } from "bun:test";
import type { ConsumerState, StreamState } from "@openworkers/bus";
import { newId, type QueueId, queueConsumerName, queueLimits, streams } from "@openworkers/core";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { QueueRoom } from "./queue-room.ts";

const { maxBytes } = streams.queues;
const largest = queueLimits.messageBytes;
const onBus = Math.ceil((largest * 4) / 3) + 600;

/** A stream that keeps all it is sent. */
function fillUp() {
  const counts = new Map<string, number>();
  let bytes = 0;
  const bus = {
    streamState: async (): Promise<StreamState> => ({
      ...{ createdAt: 0, messages: 0, bytes, firstSeq: 1, lastSeq: 0 },
    }),
    consumerState: async (_: string, name: string): Promise<ConsumerState> => ({
      ...{ floor: 0, pending: counts.get(name) ?? 0, unacknowledged: 0, redelivered: 0 },
    }),
    stored: async () => 0,
  };
  return {
    bus,
    used: () => bytes,
    store(queueId: QueueId, messages: number, size: number) {
      const name = queueConsumerName(queueId);
      counts.set(name, (counts.get(name) ?? 0) + messages);
      bytes += messages * size;
    },
  };
}

async function sendUntilRefused(
  { bus, store }: ReturnType<typeof fillUp>,
  database: TestDatabase["database"],
  queueId: QueueId,
): Promise<void> {
  for (;;) {
    // A new one for each step: nothing that it remembers is older than the step before.
    const step = 1_000;
    const refused = await new QueueRoom(bus, database)
      .toPublish(queueId, new Array(step).fill(largest))
      .then(() => false)
      .catch(() => true);
    if (refused) return;
    store(queueId, step, onBus);
  }
}

test("queues that are filled with the largest messages leave room for those that are not", async () => {
  await using own = await withTestDatabase();
  const { database } = own;
  const stream = fillUp();
  for (let greedy = 0; greedy < 20; greedy++) await sendUntilRefused(stream, database, newId<"queue">());
  expect(stream.used()).toBeGreaterThan(0.7 * maxBytes);
  const free = maxBytes - stream.used();
  expect(free).toBeGreaterThan(100 * onBus);
  const modest = newId<"queue">();
  stream.store(modest, 10_000, 1_000);
  await new QueueRoom(stream.bus, database).toPublish(modest, new Array(100).fill(1_000));
  await new QueueRoom(stream.bus, database).toPublish(newId<"queue">(), [largest]);
});
