import type { CronId, ScheduledEventId, WorkerId } from "@openworkers/core";
import type { Database, Queries } from "@openworkers/db";
import { sql } from "kysely";

/** An attempt that is to be published. */
export interface Waiting {
  readonly id: ScheduledEventId;
  readonly cronId: CronId;
  readonly workerId: WorkerId;
  readonly cron: string;
  readonly dueAt: number;
  readonly attempt: number;
  readonly wallMs: number;
  readonly publishAt: number;
  /** It is not to run when it is late. */
  readonly skipLate: boolean;
  /** It may have been published so long ago that the bus no longer knows its id. */
  readonly isOld: boolean;
}

export interface AdoptOptions {
  readonly owner: string;
  readonly now: number;
  readonly horizon: number;
  readonly takeoverMs: number;
  readonly limit: number;
  /** Leave alone what was another's to publish before then. */
  readonly notBefore: number;
  /** What should have been published before then is `isOld`. */
  readonly oldBefore: number;
}

/** Takes what nobody has claimed: further attempts, runs that were asked for, and what its scheduler did not publish. */
export async function adoptWaiting(database: Database, options: AdoptOptions): Promise<Waiting[]> {
  const { owner, now, horizon, takeoverMs, limit, notBefore, oldBefore } = options;
  return database.write(async (transaction) => {
    const { rows } = await sql<Row>`
      with taken as (
        select id, claimed_by is not null as lapsed from scheduled_events
        where state = 'waiting' and publish_at <= ${new Date(horizon)} and (
          claimed_by is null or (claimed_until <= ${new Date(now)} and claimed_until >= ${new Date(notBefore)})
        )
        order by publish_at limit ${limit}
        for update skip locked
      )
      update scheduled_events as event
      set claimed_by = ${owner},
        claimed_until = greatest(publish_at, ${new Date(now)}::timestamptz) + ${takeoverMs} * interval '1 ms'
      from taken
      where event.id = taken.id
      returning event.id, cron_id as "cronId", worker_id as "workerId", cron, due_at as "dueAt", attempt,
        wall_ms as "wallMs", publish_at as "publishAt", lapsed,
        not manual and attempt = 1 and exists (
          select from crons where crons.id = cron_id and late = 'skip'
        ) as "skipLate"
    `.execute(transaction);
    // Removed while its result was being written.
    const orphans = rows.flatMap(({ id, cronId }) => (cronId === null ? [id] : []));
    if (orphans.length > 0) await skipWaiting(transaction, orphans, "removed", now);
    return rows.flatMap(({ cronId, dueAt, publishAt, lapsed, ...row }) => {
      if (cronId === null) return [];
      const times = { dueAt: dueAt.getTime(), publishAt: publishAt.getTime() };
      return [{ ...row, ...times, cronId, isOld: lapsed && times.publishAt < oldBefore }];
    });
  });
}

interface Row extends Omit<Waiting, "cronId" | "dueAt" | "publishAt" | "isOld"> {
  readonly cronId: CronId | null;
  readonly dueAt: Date;
  readonly publishAt: Date;
  readonly lapsed: boolean;
}

/** Says why attempts that wait are not to run. */
export async function skipWaiting(
  queries: Queries,
  ids: readonly ScheduledEventId[],
  reason: "late" | "removed",
  now: number,
): Promise<void> {
  await queries
    .updateTable("scheduled_events")
    .set({ state: "skipped", reason, finished_at: new Date(now) })
    .where("id", "in", ids)
    .where("state", "=", "waiting")
    .execute();
}

/** Those of `ids` that still wait. */
export async function stillWaiting(
  database: Database,
  ids: readonly ScheduledEventId[],
): Promise<Set<ScheduledEventId>> {
  const { rows } = await database.read((queries) =>
    sql<{ id: ScheduledEventId }>`
      select id from scheduled_events where id = any(${ids}::uuid[]) and state = 'waiting'
    `.execute(queries),
  );
  return new Set(rows.map(({ id }) => id));
}

/** Gives back what `owner` will not publish any more, so that others need not wait until it is overdue. */
export async function giveBack(database: Database, owner: string): Promise<void> {
  await database.write(async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable("scheduled_events")
      .set({ claimed_by: null, claimed_until: null })
      .where("claimed_by", "=", owner)
      .where("state", "=", "waiting")
      .executeTakeFirst();
    if (numUpdatedRows > 0n) {
      await sql`select pg_notify('openworkers', '{"table": "crons"}')`.execute(transaction);
    }
  });
}
