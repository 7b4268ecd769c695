import { z } from "zod";
import { type CronId, isId, type RequestId, type ScheduledEventId, type WorkerId } from "../ids.ts";
import type { Outcome } from "../termination.ts";

const id = <Id extends string>() => z.custom<Id>((value) => isId(value));

/**
 * So long before its time an event may be on the bus when many are due at once. The runner waits for its time, by its own
 * clock, and no longer than this.
 */
export const maxEarlyMs = 4_000;

/** A due time of a cron, for whichever runner takes it. The message's id on the bus is `<eventId>:<attempt>`. */
export const scheduledEventSchema = z.object({
  v: z.literal(1),
  eventId: id<ScheduledEventId>(),
  cronId: id<CronId>(),
  workerId: id<WorkerId>(),
  /** As the worker's owner wrote it: `event.cron`. */
  cron: z.string(),
  /** The due time, in Unix milliseconds: `event.scheduledTime`. */
  scheduledTime: z.int(),
  /** 1 for the first; the scheduler publishes an attempt again that nobody acknowledged, and that may run twice. */
  attempt: z.int().min(1),
  /** How long the run may take. */
  wallMs: z.int().min(1),
});
export type ScheduledEvent = z.infer<typeof scheduledEventSchema>;

/** How one attempt ended. The message's id on the bus is `<eventId>:<attempt>:<requestId>`. */
export const scheduledResultSchema = z.object({
  v: z.literal(1),
  eventId: id<ScheduledEventId>(),
  cronId: id<CronId>(),
  workerId: id<WorkerId>(),
  attempt: z.int().min(1),
  requestId: id<RequestId>(),
  /** Unix milliseconds. */
  startedAt: z.int(),
  wallMs: z.number(),
  cpuMs: z.number(),
  outcome: z.string().transform((outcome) => outcome as EventOutcome),
  /** What the worker threw, in one line. */
  error: z.string().optional(),
  /** The handler asked not to be tried again (`controller.noRetry()`), or there is none to try. */
  noRetry: z.boolean(),
  /** The bus had delivered this attempt before: the worker may have run twice. */
  redelivered: z.boolean(),
});
export type ScheduledResult = z.infer<typeof scheduledResultSchema>;

/** How an event that is no request ended: `no-handler` when the worker exports none, `not-found` when it is gone. */
export type EventOutcome = Outcome | "no-handler";
