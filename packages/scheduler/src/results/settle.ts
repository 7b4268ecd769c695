import { type EventOutcome, type RequestId, retryDelayMs, type ScheduledResult } from "@openworkers/core";
import type { ScheduledEventState } from "@openworkers/db";

/** An event as it is stored, with what its cron says of further attempts. */
export interface OpenEvent {
  readonly state: ScheduledEventState;
  readonly attempt: number;
  readonly requestId: RequestId | null;
  readonly redelivered: boolean;
  /** Null when the cron is removed or paused: then there are none. */
  readonly retries: number | null;
  readonly retryDelayMs: number | null;
}

/** What a result makes of it. */
export interface Settled {
  readonly state: ScheduledEventState;
  readonly attempt: number;
  readonly redelivered: boolean;
  /** When the next attempt is due, in Unix milliseconds. */
  readonly publishAt?: number;
  /** The result is what is to be shown. */
  readonly shown: boolean;
}

/** Ways to end after which another attempt may succeed. */
const failures: ReadonlySet<EventOutcome> = new Set([
  "exception",
  "cpu-limit",
  "memory-limit",
  "wall-limit",
  "crashed",
  "overloaded",
]);

/** The platform had no place for it, so that the worker never began: it is tried again whatever the cron says. */
const overloadedRetries = 5;
const overloadedDelayMs = 5_000;

/** What becomes of an event with a result; undefined when it changes nothing. */
export function settle(event: OpenEvent, result: ScheduledResult, now: number): Settled | undefined {
  // The same result, delivered again.
  if (event.requestId === result.requestId) return undefined;
  const open = event.state !== "finished";
  if (result.attempt !== event.attempt || !open) {
    // An attempt that has ended, and ran once more.
    const twice = result.redelivered || (result.attempt === event.attempt && event.state === "finished");
    if (!twice || event.redelivered) return undefined;
    return { state: event.state, attempt: event.attempt, redelivered: true, shown: false };
  }
  const redelivered = event.redelivered || result.redelivered;
  const delay = event.state === "skipped" ? undefined : delayOf(event, result);
  if (delay === undefined) return { state: "finished", attempt: event.attempt, redelivered, shown: true };
  return { state: "waiting", attempt: event.attempt + 1, redelivered, publishAt: now + delay, shown: true };
}

function delayOf(event: OpenEvent, { outcome, noRetry, attempt }: ScheduledResult): number | undefined {
  if (event.retries === null || event.retryDelayMs === null || noRetry || !failures.has(outcome))
    return undefined;
  if (attempt <= event.retries) return retryDelayMs({ retryDelayMs: event.retryDelayMs }, attempt);
  if (outcome !== "overloaded" || attempt > overloadedRetries) return undefined;
  return retryDelayMs({ retryDelayMs: overloadedDelayMs }, attempt);
}
