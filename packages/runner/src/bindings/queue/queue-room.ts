import type { Bus } from "@openworkers/bus";
import { OpenWorkersError, type QueueId, queueConsumerName, queueSubject, streams } from "@openworkers/core";
import {
  countDelayed,
  type DatabaseAccess,
  delayedBytes,
  maxDelayedBytes,
  maxDelayedMessages,
} from "@openworkers/db";
import { Backlogs } from "./backlogs.ts";

/** Messages of one queue that may lie on the bus. A full stream would be every queue's trouble. */
export const maxBacklogMessages = 100_000;

/** How long a queue's numbers are taken for true: they are asked for at every send. */
const countsMs = 1_000;
/** Of a message on the bus, beside its body in base64. */
const overheadBytes = 512;

/** How much room there is for a queue's messages, on the bus that all queues share and in the database. */
export class QueueRoom {
  readonly #backlogs: Backlogs<QueueId>;
  readonly #used: Backlogs<"all">;
  readonly #delayed: Backlogs<QueueId>;
  readonly #delayedBytes: Backlogs<QueueId>;

  constructor(
    bus: Pick<Bus, "streamState" | "consumerState" | "stored"> | undefined,
    database: DatabaseAccess,
  ) {
    this.#backlogs = new Backlogs(countsMs, (queueId) => countWaiting(bus, queueId));
    this.#used = new Backlogs(countsMs, async () => {
      return bus === undefined ? 0 : (await bus.streamState(streams.queues.name)).bytes;
    });
    this.#delayed = new Backlogs(countsMs, (queueId) => countDelayed(database, queueId));
    this.#delayedBytes = new Backlogs(countsMs, (queueId) => delayedBytes(database, queueId));
  }

  /** Messages of the queue on the bus that are not acknowledged. */
  backlog(queueId: QueueId): Promise<number> {
    return this.#backlogs.of(queueId);
  }

  /**
   * Whether messages with bodies of so many bytes may be published. No queue may have more than what is still free of the
   * stream, as switches share their buffers (Choudhury and Hahne, "Dynamic queue length thresholds", 1998): one alone gets
   * half of it, two get a third each, and there is always room for who sends little. What a queue has is taken to be as
   * large as the largest message that is to come: the bus counts messages, and not their bytes.
   *
   * @throws OpenWorkersError OVERLOADED, BUS_UNAVAILABLE
   */
  async toPublish(queueId: QueueId, sizes: readonly number[]): Promise<void> {
    const bytes = sizes.map((size) => Math.ceil((size * 4) / 3) + overheadBytes);
    const all = bytes.reduce((sum, size) => sum + size, 0);
    const [used, count] = await Promise.all([
      this.#used.add("all", all),
      this.#backlogs.add(queueId, sizes.length),
    ]);
    const free = streams.queues.maxBytes - used;
    if (count > maxBacklogMessages) throw full(`${maxBacklogMessages} messages`);
    if (count * Math.max(...bytes) > free) throw full(`${count - sizes.length} messages`);
  }

  /** Whether messages with bodies of so many bytes may wait for their time. @throws OpenWorkersError OVERLOADED, DATABASE_UNAVAILABLE */
  async toDelay(queueId: QueueId, sizes: readonly number[]): Promise<void> {
    const all = sizes.reduce((sum, size) => sum + size, 0);
    const [count, bytes] = await Promise.all([
      this.#delayed.add(queueId, sizes.length),
      this.#delayedBytes.add(queueId, all),
    ]);
    if (count > maxDelayedMessages) throw full(`${maxDelayedMessages} messages`);
    if (bytes > maxDelayedBytes) throw full(`${maxDelayedBytes} bytes`);
  }
}

function full(what: string): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", `Storage Limit Exceeded: ${what} of the queue wait already`);
}

/**
 * Messages that are not acknowledged. Who takes them knows better than the stream: after nats-server 2.9 was killed, what was
 * acknowledged a moment before may be stored for ever, and is delivered to nobody.
 */
async function countWaiting(
  bus: Pick<Bus, "consumerState" | "stored"> | undefined,
  queueId: QueueId,
): Promise<number> {
  if (bus === undefined) return 0;
  const { name } = streams.queues;
  const consumer = await bus.consumerState(name, queueConsumerName(queueId));
  if (consumer !== undefined) return consumer.pending + consumer.unacknowledged;
  return await bus.stored(name, queueSubject(queueId));
}
