import type { CronId, CronPolicy, CronSchedule, WorkerId } from "@openworkers/core";
import type { SkipReason } from "@openworkers/db";

/** A cron whose next due time has come, or nearly. */
export interface DueCron extends Pick<CronPolicy, "late" | "lateCap" | "overlap" | "wallMs"> {
  readonly id: CronId;
  readonly workerId: WorkerId;
  readonly expression: string;
  readonly timezone: string;
  readonly nextDue: number;
  /** Its events that have not ended. */
  readonly open: number;
}

export interface PlannedEvent {
  readonly dueAt: number;
  /** Due times before it that do not run. */
  readonly missed: number;
  /** Why it is not to run. */
  readonly skipped?: SkipReason;
}

export interface Plan {
  readonly events: readonly PlannedEvent[];
  /** The first due time that is not among them; undefined when there is none. */
  readonly next: number | undefined;
}

/** What is later than that is late: then the cron's policy says what becomes of it. */
export const lateAfterMs = 60_000;
/** Beyond so many events of one cron that have not ended, due times are skipped: nobody runs them. */
export const maxOpen = 100;
/** Missed due times are counted up to this number. */
const maxCounted = 1_000;

/** What becomes of a cron's due times up to `horizon`, which is `now` or a little later. */
export function planDue(cron: DueCron, schedule: CronSchedule, now: number, horizon: number): Plan {
  const inTime = now - lateAfterMs;
  const late = cron.nextDue < inTime ? schedule.newest(maxCounted, cron.nextDue, inTime - 1) : [];
  const first = cron.nextDue < inTime ? schedule.next(inTime - 1) : cron.nextDue;
  const dues: number[] = [];
  let next = first;
  while (next !== undefined && next <= horizon) {
    dues.push(next);
    next = schedule.next(next);
  }
  const kept = keptOf(late, cron, first !== undefined && first <= now);
  const missed = late.length - kept.length;
  const events = [...kept, ...dues].map((dueAt, index) => ({ dueAt, missed: index === 0 ? missed : 0 }));
  const newest = late.at(-1);
  if (events.length === 0 && newest !== undefined) {
    return { events: [{ dueAt: newest, missed: missed - 1, skipped: "late" }], next };
  }
  return { events: events.map((event, index) => ({ ...event, ...skipOf(cron, cron.open, index) })), next };
}

function keptOf(
  late: readonly number[],
  { late: policy, lateCap }: DueCron,
  isFollowed: boolean,
): readonly number[] {
  if (policy === "all") return late.slice(-lateCap);
  return policy === "once" && !isFollowed ? late.slice(-1) : [];
}

function skipOf({ overlap }: DueCron, open: number, before: number): { skipped?: SkipReason } {
  if (overlap === "skip" && open + before > 0) return { skipped: "overlap" };
  return open >= maxOpen ? { skipped: "backlog" } : {};
}
