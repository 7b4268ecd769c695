import {
  type CronId,
  type EventOutcome,
  isId,
  newId,
  OpenWorkersError,
  type RequestId,
  type ScheduledEventId,
} from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import type { ScheduledEventState, SkipReason } from "../tables.ts";
import { audit } from "./audit.ts";
import { type CronChoice, databaseTime, lockCron } from "./crons.ts";
import { workerNamed } from "./workers.ts";

/** A due time of a cron, or a run that somebody asked for, and what became of it. */
export interface StoredScheduledEvent {
  readonly id: ScheduledEventId;
  /** Null once the cron is removed. */
  readonly cronId: CronId | null;
  readonly cron: string;
  readonly dueAt: Date;
  /** Somebody asked for it. */
  readonly manual: boolean;
  readonly state: ScheduledEventState;
  /** Why it is skipped. */
  readonly reason: SkipReason | null;
  /** Due times before it that did not run. */
  readonly missed: number;
  /** The number of the last one, from 1. */
  readonly attempt: number;
  /** When the next attempt is due, while it waits. */
  readonly publishAt: Date;
  readonly publishedAt: Date | null;
  /** These are of the last attempt that ended. */
  readonly requestId: RequestId | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly durationMs: number | null;
  readonly cpuMs: number | null;
  readonly outcome: EventOutcome | null;
  readonly error: string | null;
  /** An attempt may have run twice. */
  readonly redelivered: boolean;
}

export interface HistoryFilter {
  readonly worker: string;
  /** Only of the cron with this id or expression. */
  readonly cron?: string;
  /** At most this many; 100 unless given, 1,000 at most. */
  readonly limit?: number;
}

/** A worker's events, the newest first. @throws OpenWorkersError NOT_FOUND */
export async function listScheduledEvents(
  database: StoreDatabase,
  { worker, cron, limit = 100 }: HistoryFilter,
): Promise<StoredScheduledEvent[]> {
  return database.snapshot(async (queries) => {
    const workerId = await workerNamed(queries, worker);
    return selectEvents(queries)
      .where("worker_id", "=", workerId)
      .where(({ eb, lit }) => {
        if (cron === undefined) return lit(true);
        return isId<"cron">(cron) ? eb("cron_id", "=", cron) : eb("cron", "=", cron);
      })
      .orderBy("id", "desc")
      .limit(Math.min(limit, 1_000))
      .execute();
  });
}

/** @throws OpenWorkersError NOT_FOUND */
export async function getScheduledEvent(
  database: StoreDatabase,
  id: ScheduledEventId,
): Promise<StoredScheduledEvent> {
  const event = await database.read((queries) =>
    selectEvents(queries).where("id", "=", id).executeTakeFirst(),
  );
  if (event === undefined) throw new OpenWorkersError("NOT_FOUND", `There is no scheduled event ${id}.`);
  return event;
}

/** Has a cron run now, paused or not, beside its schedule. @throws OpenWorkersError NOT_FOUND, FORBIDDEN */
export async function runCron(database: StoreDatabase, choice: CronChoice): Promise<StoredScheduledEvent> {
  return database.write(async (transaction) => {
    const cron = await lockCron(transaction, choice);
    const now = new Date(await databaseTime(transaction));
    const id = newId<"scheduled-event">();
    await transaction
      .insertInto("scheduled_events")
      .columns(["id", "worker_id", "cron_id", "cron", "due_at", "manual", "state", "wall_ms", "publish_at"])
      .expression((eb) =>
        eb
          .selectFrom("crons")
          .select(({ val }) => [
            val(id).as("id"),
            "worker_id",
            "id as cron_id",
            "expression",
            val(now).as("due_at"),
            val(true).as("manual"),
            val("waiting" as const).as("state"),
            "wall_ms",
            val(now).as("publish_at"),
          ])
          .where("id", "=", cron.id),
      )
      .execute();
    await audit(transaction, choice.by, "cron.run", choice.worker, { cron: cron.expression });
    return selectEvents(transaction).where("id", "=", id).executeTakeFirstOrThrow();
  });
}

function selectEvents(queries: Queries) {
  return queries
    .selectFrom("scheduled_events")
    .select([
      "id",
      "cron_id as cronId",
      "cron",
      "due_at as dueAt",
      "manual",
      "state",
      "reason",
      "missed",
      "attempt",
      "publish_at as publishAt",
      "published_at as publishedAt",
      "request_id as requestId",
      "started_at as startedAt",
      "finished_at as finishedAt",
      "duration_ms as durationMs",
      "cpu_ms as cpuMs",
      "outcome",
      "error",
      "redelivered",
    ]);
}
