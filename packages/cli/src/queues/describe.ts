import type { QueueConsumerSettings } from "@openworkers/core";
import type { QueueConsumerSummary } from "../backend/queues.ts";

/** Who takes a queue's messages, and how, in a line. */
export function describeConsumer({ worker, settings, source }: QueueConsumerSummary): string {
  return `${worker}, by ${source === "manifest" ? "its manifest" : "hand"}; ${describeTaking(settings)}`;
}

/** How messages are taken, and what becomes of those that fail. */
export function describeTaking(settings: QueueConsumerSettings): string {
  const { maxBatchSize, maxBatchTimeout, maxRetries, retryDelay, maxConcurrency, deadLetterQueue } = settings;
  return [
    `up to ${maxBatchSize} messages in ${maxBatchTimeout} s`,
    `${maxRetries} retries${retryDelay === 0 ? "" : ` after ${retryDelay} s`}`,
    ...(maxConcurrency === undefined ? [] : [`${maxConcurrency} at a time`]),
    deadLetterQueue === undefined ? "then dropped" : `then to ${deadLetterQueue}`,
  ].join("; ");
}
