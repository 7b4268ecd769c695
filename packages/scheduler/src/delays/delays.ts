import { type Bus, QueueStreamRoom } from "@openworkers/bus";
import {
  encodePayload,
  isOpenWorkersError,
  messageOf,
  type QueueId,
  type QueueMessage,
  queueBusId,
  queueSubject,
  type Report,
  streams,
} from "@openworkers/core";
import { type Database, type DelayEnd, type DelayedMessage, takeDue } from "@openworkers/db";

export interface DelaysOptions {
  /** The caller's, as `bus` is. */
  readonly database: Database;
  readonly bus: Pick<Bus, "declare" | "publish" | "streamState" | "consumerState" | "stored">;
  readonly report: Report;
}

/** Messages that are published in one transaction, of up to 128 KB each. */
const batch = 200;
/** Anybody may say at any time that a message is due in a second, or now: looking is cheaper than being told. */
const lookMs = 1_000;
const longestRetryMs = 5_000;
/** Before a queue's messages are tried again when it, or the stream, takes no more. */
const fullMs = 5_000;
/** A queue that took no more, and has been quiet since for so long, is told of anew. */
const forgetMs = 60_000;

/**
 * Publishes the queues' messages that are due, a second late at most, until it is disposed of. Any number of processes may:
 * each message is one's at a time, and one that is published twice is stored once by its id.
 */
export function createDelays({ database, bus, report }: DelaysOptions): AsyncDisposable {
  const ended = Promise.withResolvers<void>();
  let disposed = false;
  let failing = false;
  const room = new QueueStreamRoom(bus);
  /** Until when the messages of a queue that takes no more stay where they are (`performance.now()`). */
  const full = new Map<QueueId, number>();

  async function publish(message: DelayedMessage): Promise<DelayEnd> {
    const { queueId } = message;
    const payload: QueueMessage = { v: 1, ...message, body: Buffer.from(message.body).toString("base64") };
    try {
      await room.toPublish(queueId, [message.body.byteLength]);
      await bus.publish(queueSubject(queueId), encodePayload(payload), { id: queueBusId(message) });
      return "published";
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "BUS_FULL") && !isOpenWorkersError(thrown, "OVERLOADED")) throw thrown;
      if (!full.has(queueId)) {
        report("Delayed messages of a queue wait: it takes no more.", { queueId, error: thrown.message });
      }
      full.set(queueId, performance.now() + fullMs);
      return "kept";
    }
  }

  /** All that is due by now and finds room. Returns after how long to look again. */
  async function round(): Promise<number> {
    for (;;) {
      const now = performance.now();
      for (const [queueId, until] of full) if (until + forgetMs < now) full.delete(queueId);
      const except = [...full].filter(([, until]) => until > now).map(([queueId]) => queueId);
      const { taken, nextMs } = await takeDue(database, { limit: batch, except }, (due) =>
        Promise.all(due.map(publish)),
      );
      if (taken === 0 || disposed) return Math.max(1, Math.min(nextMs ?? lookMs, lookMs));
    }
  }

  async function run(): Promise<void> {
    let declared = false;
    let retryMs = 100;
    while (!disposed) {
      let waitMs: number;
      try {
        if (!declared) await bus.declare(streams.queues);
        declared = true;
        waitMs = await round();
        retryMs = 100;
        failing = false;
      } catch (error) {
        if (!failing)
          report("Delayed messages of queues cannot be published for now.", { error: messageOf(error) });
        failing = true;
        retryMs = Math.min(retryMs * 2, longestRetryMs);
        waitMs = retryMs;
      }
      await Promise.race([Bun.sleep(waitMs), ended.promise]);
    }
  }

  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      disposed = true;
      ended.resolve();
      await running;
    },
  };
}
