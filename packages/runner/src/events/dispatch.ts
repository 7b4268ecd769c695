import type { EventOutcome, QueueContentType, QueueMessageId, RequestId, WorkerId } from "@openworkers/core";

/** Runs events that are no requests in the cells of the workers they are for. */
export interface EventDispatch {
  /**
   * Calls `scheduled(controller, env, ctx)` of the worker's live version, under its limits, and waits for its
   * `waitUntil` work. Resolves however it ends; rejects only when `signal` aborts before the worker has begun.
   */
  scheduled(run: ScheduledRun, signal: AbortSignal): Promise<EventEnd>;
  /** Calls `queue(batch, env, ctx)` in the same way. */
  queue(run: QueueRun, signal: AbortSignal): Promise<QueueEnd>;
}

export interface ScheduledRun {
  readonly workerId: WorkerId;
  readonly cron: string;
  /** Unix milliseconds. */
  readonly scheduledTime: number;
  /** How long it may take, `waitUntil` work included. */
  readonly wallMs: number;
}

export interface QueueRun {
  readonly workerId: WorkerId;
  /** The queue's name: `batch.queue`. */
  readonly queue: string;
  readonly messages: readonly DeliveredMessage[];
  readonly wallMs: number;
  /** `batch.metadata.metrics`: what waits behind these messages, as far as it is known. */
  readonly metrics?: QueueMetrics;
}

export interface QueueMetrics {
  readonly backlogCount: number;
  readonly backlogBytes: number;
  /** Unix milliseconds. */
  readonly oldestMessageTimestamp?: number;
}

export interface DeliveredMessage {
  readonly id: QueueMessageId;
  /** When it was sent, in Unix milliseconds. */
  readonly sentAt: number;
  /** 1 for the first delivery: `message.attempts`. */
  readonly attempts: number;
  readonly contentType: QueueContentType;
  readonly body: Uint8Array;
}

export interface EventEnd {
  readonly requestId: RequestId;
  readonly outcome: EventOutcome;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  /** What the worker threw, in one line. */
  readonly error?: string;
  /** `controller.noRetry()`. */
  readonly noRetry: boolean;
}

/** What is to become of each message of a batch. Those that it names no longer exist for the others. */
export interface QueueEnd extends EventEnd {
  /** By id: to be delivered again, after so many seconds or the queue's own delay. All else is acknowledged. */
  readonly retries: ReadonlyMap<QueueMessageId, { readonly delaySeconds?: number }>;
}
