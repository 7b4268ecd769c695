import { type ConsumerMessages, DeliverPolicy, type JetStreamClient } from "@nats-io/jetstream";
import { messageOf, type Report } from "@openworkers/core";
import type { FollowOptions, StoredMessage } from "../bus.ts";
import { idHeader } from "./received.ts";

const pauseMs = 250;

/**
 * The stored messages from an ordered consumer, which the client makes anew from where it was when something is missing.
 * When the client gives up, one more is made from after the last message that was passed on.
 */
export async function* followStream(
  streams: JetStreamClient,
  options: FollowOptions,
  report: Report,
): AsyncGenerator<StoredMessage, void> {
  let last = options.after;
  while (!options.signal.aborted) {
    let messages: ConsumerMessages | undefined;
    const stop = () => messages?.stop();
    options.signal.addEventListener("abort", stop, { once: true });
    try {
      const consumer = await streams.consumers.get(options.stream, {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: last + 1,
        filter_subjects: options.subject,
        inactive_threshold: 60_000,
      });
      // What waits in memory is at most 1.75 times as many; the heartbeat tells that the consumer's node is gone.
      messages = await consumer.consume({ max_messages: 64, expires: 30_000, idle_heartbeat: 2_000 });
      if (options.signal.aborted) return;
      for await (const message of messages) {
        if (options.signal.aborted) return;
        if (message.seq <= last) continue;
        last = message.seq;
        yield {
          subject: message.subject,
          seq: message.seq,
          time: Math.floor(message.info.timestampNanos / 1_000_000),
          id: message.headers?.get(idHeader) ?? "",
          payload: message.data,
        };
      }
    } catch (thrown) {
      report("A follower of a stream begins again.", { stream: options.stream, error: messageOf(thrown) });
    } finally {
      options.signal.removeEventListener("abort", stop);
      messages?.stop();
    }
    if (!options.signal.aborted) await pause(options.signal);
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  signal.addEventListener("abort", end, { once: true });
  const timer = setTimeout(end, pauseMs);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
