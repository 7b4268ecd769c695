import type { Bus } from "@openworkers/bus";
import {
  encodePayload,
  isOpenWorkersError,
  messageOf,
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
  readonly bus: Pick<Bus, "declare" | "publish">;
  readonly report: Report;
}

/** Messages that are published in one transaction, of up to 128 KB each. */
const batch = 200;
/** Anybody may say at any time that a message is due in a second, or now: looking is cheaper than being told. */
const lookMs = 1_000;
const longestRetryMs = 5_000;
/** Before a message is tried again whose queue, or whose stream, takes no more. */
const fullSeconds = 5;

/**
 * Publishes the queues' messages that are due, a second late at most, until it is disposed of. Any number of processes may:
 * each message is one's at a time, and one that is published twice is stored once by its id.
 */
export function createDelays({ database, bus, report }: DelaysOptions): AsyncDisposable {
  const ended = Promise.withResolvers<void>();
  let disposed = false;
  let failing = false;

  async function publish(message: DelayedMessage): Promise<DelayEnd> {
    const payload: QueueMessage = { v: 1, ...message, body: Buffer.from(message.body).toString("base64") };
    try {
      await bus.publish(queueSubject(message.queueId), encodePayload(payload), { id: queueBusId(message) });
      return "published";
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "BUS_FULL")) throw thrown;
      report("A delayed message of a queue waits: the bus takes no more.", { queueId: message.queueId });
      return { again: fullSeconds };
    }
  }

  /** All that is due by now. Returns after how long to look again. */
  async function round(): Promise<number> {
    for (;;) {
      const { taken, nextMs } = await takeDue(database, batch, (due) => Promise.all(due.map(publish)));
      if (taken < batch || disposed) return Math.max(1, Math.min(nextMs ?? lookMs, lookMs));
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
