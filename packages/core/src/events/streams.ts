import type { QueueId, WorkerId } from "../ids.ts";

const second = 1_000;
const day = 86_400 * second;

/** The platform's streams on the bus: what the services declare before they use them (`StreamDefinition` of the bus). */
export const streams = {
  /** Batches of log records. What the logs service has not stored after a day is lost. */
  logs: {
    name: "OW_LOGS",
    subject: "ow.logs.>",
    retention: "limits",
    maxAgeMs: day,
    maxBytes: 2 * 2 ** 30,
    whenFull: "drop-oldest",
    maxMessageBytes: 2 ** 20,
    dedupeMs: 120 * second,
  },
  /** Due crons. The scheduler publishes again what nobody acknowledged. */
  scheduled: {
    name: "OW_SCHEDULED",
    subject: "ow.scheduled.>",
    retention: "work",
    maxAgeMs: day,
    maxBytes: 2 ** 30,
    whenFull: "refuse",
    maxMessageBytes: 64 * 2 ** 10,
    dedupeMs: 600 * second,
  },
  /** How runs ended, for the scheduler's history. */
  scheduledResults: {
    name: "OW_SCHEDULED_RESULTS",
    subject: "ow.scheduled-results.>",
    retention: "work",
    maxAgeMs: 7 * day,
    maxBytes: 2 ** 30,
    whenFull: "drop-oldest",
    maxMessageBytes: 64 * 2 ** 10,
    dedupeMs: 600 * second,
  },
  /** Messages of the workers' queues. */
  queues: {
    name: "OW_QUEUES",
    subject: "ow.queues.>",
    retention: "work",
    maxAgeMs: 14 * day,
    maxBytes: 16 * 2 ** 30,
    whenFull: "refuse",
    maxMessageBytes: 512 * 2 ** 10,
    dedupeMs: 600 * second,
  },
} as const;

export const logSubject = (workerId: WorkerId): string => `ow.logs.${workerId}`;
export const scheduledSubject = (workerId: WorkerId): string => `ow.scheduled.${workerId}`;
export const scheduledResultSubject = (workerId: WorkerId): string => `ow.scheduled-results.${workerId}`;
/** The durable consumer that all runners take a queue's messages under. */
export const queueConsumerName = (queueId: QueueId): string => `queue-${queueId}`;
export const queueSubject = (queueId: QueueId): string => `ow.queues.${queueId}`;

/** Durable consumers: of due crons all runners', of results all schedulers', of logs all logs services'. */
export const scheduledConsumer = "runners";
export const scheduledResultsConsumer = "scheduler";
export const logsConsumer = "logs-writer";
