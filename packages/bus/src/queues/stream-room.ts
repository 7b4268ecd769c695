import { OpenWorkersError, type QueueId, queueConsumerName, queueSubject, streams } from "@openworkers/core";
import type { Bus } from "../bus.ts";
import { Backlogs } from "./backlogs.ts";

/** Messages of one queue that may lie on the bus. A full stream would be every queue's trouble. */
export const maxBacklogMessages = 100_000;

/** How long a queue's numbers are taken for true: they are asked for at every send. */
const countsMs = 1_000;
/** Of a message on the bus, beside its body in base64. */
const overheadBytes = 512;

/** A queue's messages on the bus. */
export interface QueueCounts {
  /** To be delivered. */
  readonly waiting: number;
  /** Delivered, not yet acknowledged. */
  readonly inFlight: number;
}

/** How much room there is for a queue's messages in the stream that all queues share. */
export class QueueStreamRoom {
  readonly #backlogs: Backlogs<QueueId>;
  readonly #used: Backlogs<"all">;

  constructor(bus: Pick<Bus, "streamState" | "consumerState" | "stored">) {
    this.#backlogs = new Backlogs(countsMs, async (queueId) => {
      const { waiting, inFlight } = await countQueue(bus, queueId);
      return waiting + inFlight;
    });
    this.#used = new Backlogs(countsMs, async () => (await bus.streamState(streams.queues.name)).bytes);
  }

  /** Messages of the queue that are not acknowledged. */
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
    if (count > maxBacklogMessages) throw queueFull(`${maxBacklogMessages} messages`);
    if (count * Math.max(...bytes) > free) throw queueFull(`${count - sizes.length} messages`);
  }
}

export function queueFull(what: string): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", `Storage Limit Exceeded: ${what} of the queue wait already`);
}

/**
 * Counts what is not acknowledged. Who takes it knows better than the stream: after nats-server 2.9 was killed, what was
 * acknowledged a moment before may be stored for ever, and is delivered to nobody.
 *
 * @throws OpenWorkersError BUS_UNAVAILABLE, NOT_FOUND before there is a stream
 */
export async function countQueue(
  bus: Pick<Bus, "consumerState" | "stored">,
  queueId: QueueId,
): Promise<QueueCounts> {
  const { name } = streams.queues;
  const consumer = await bus.consumerState(name, queueConsumerName(queueId));
  if (consumer !== undefined) return { waiting: consumer.pending, inFlight: consumer.unacknowledged };
  return { waiting: await bus.stored(name, queueSubject(queueId)), inFlight: 0 };
}
