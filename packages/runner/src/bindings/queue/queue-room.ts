import { Backlogs, type Bus, QueueStreamRoom, queueFull } from "@openworkers/bus";
import type { QueueId } from "@openworkers/core";
import {
  countDelayed,
  type DatabaseAccess,
  delayedBytes,
  maxDelayedBytes,
  maxDelayedMessages,
} from "@openworkers/db";

/** How long a queue's numbers are taken for true: they are asked for at every send. */
const countsMs = 1_000;

/** How much room there is for a queue's messages, on the bus that all queues share and in the database. */
export class QueueRoom {
  readonly #stream: QueueStreamRoom;
  readonly #delayed: Backlogs<QueueId>;
  readonly #delayedBytes: Backlogs<QueueId>;

  constructor(bus: Pick<Bus, "streamState" | "consumerState" | "stored">, database: DatabaseAccess) {
    this.#stream = new QueueStreamRoom(bus);
    this.#delayed = new Backlogs(countsMs, (queueId) => countDelayed(database, queueId));
    this.#delayedBytes = new Backlogs(countsMs, (queueId) => delayedBytes(database, queueId));
  }

  /** As of `QueueStreamRoom`. */
  backlog(queueId: QueueId): Promise<number> {
    return this.#stream.backlog(queueId);
  }

  /** As of `QueueStreamRoom`. @throws OpenWorkersError OVERLOADED, BUS_UNAVAILABLE */
  toPublish(queueId: QueueId, sizes: readonly number[]): Promise<void> {
    return this.#stream.toPublish(queueId, sizes);
  }

  /** Whether messages with bodies of so many bytes may wait for their time. @throws OpenWorkersError OVERLOADED, DATABASE_UNAVAILABLE */
  async toDelay(queueId: QueueId, sizes: readonly number[]): Promise<void> {
    const all = sizes.reduce((sum, size) => sum + size, 0);
    const [count, bytes] = await Promise.all([
      this.#delayed.add(queueId, sizes.length),
      this.#delayedBytes.add(queueId, all),
    ]);
    if (count > maxDelayedMessages) throw queueFull(`${maxDelayedMessages} messages`);
    if (bytes > maxDelayedBytes) throw queueFull(`${maxDelayedBytes} bytes`);
  }
}
