import { z } from "zod";
import { OpenWorkersError } from "./errors.ts";

/** Limits of Cloudflare's Queues; a KB is 1,000 bytes there. */
export const queueLimits = {
  messageBytes: 128_000,
  batchMessages: 100,
  /** Of one `sendBatch`. */
  batchBytes: 256_000,
  delaySeconds: 86_400,
  maxRetries: 100,
  maxConcurrency: 250,
  maxBatchTimeoutSeconds: 60,
  /** How long a batch may be worked on. */
  wallMs: 900_000,
} as const;

const seconds = z.int().min(0).max(queueLimits.delaySeconds);

/** How a worker takes a queue's messages, with Cloudflare's defaults. */
export const queueConsumerSchema = z.object({
  /** Messages of a batch at most. */
  maxBatchSize: z.int().min(1).max(queueLimits.batchMessages).default(10),
  /** How long a batch waits for more messages, in seconds. */
  maxBatchTimeout: z.int().min(0).max(queueLimits.maxBatchTimeoutSeconds).default(5),
  /** Deliveries after the first, until a message goes to the dead-letter queue, or away. */
  maxRetries: z.int().min(0).max(queueLimits.maxRetries).default(3),
  /** Seconds before a message is delivered again. */
  retryDelay: seconds.default(0),
  /** Batches at a time; as many as the runners find good without. */
  maxConcurrency: z.int().min(1).max(queueLimits.maxConcurrency).optional(),
  /** Name of another queue of the same owner. */
  deadLetterQueue: z.string().min(1).optional(),
});
export type QueueConsumerSettings = z.infer<typeof queueConsumerSchema>;

/** A queue that a worker takes the messages of, as a manifest or a user says. */
export interface WantedConsumer {
  /** Name or id. */
  readonly queue: string;
  readonly settings: QueueConsumerSettings;
}

/** Settings of a consumer with defaults for what is not given. @throws OpenWorkersError INVALID_INPUT */
export function queueConsumerSettings(given: z.input<typeof queueConsumerSchema>): QueueConsumerSettings {
  const parsed = queueConsumerSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OpenWorkersError(
    "INVALID_INPUT",
    `${issue?.path.join(".")} of a queue's consumer: ${issue?.message}`,
    { field: ["settings", ...(issue?.path ?? [])].join(".") },
  );
}

/** @throws OpenWorkersError INVALID_INPUT when it is no delay that a message may have */
export function checkDelaySeconds(delay: number): number {
  if (seconds.safeParse(delay).success) return delay;
  throw new OpenWorkersError(
    "INVALID_INPUT",
    `delaySeconds of ${delay} is none: it is a whole number from 0 to ${queueLimits.delaySeconds}.`,
    { field: "delaySeconds" },
  );
}
