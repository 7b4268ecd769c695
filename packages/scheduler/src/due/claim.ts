import { messageOf, newId, type ScheduledEventId } from "@openworkers/core";
import type { Database, Queries } from "@openworkers/db";
import { sql } from "kysely";
import type { Waiting } from "../publish/waiting.ts";
import { type DueCron, type Plan, planDue } from "./plan.ts";
import type { Schedules } from "./schedules.ts";

export interface ClaimOptions {
  /** Who claims. */
  readonly owner: string;
  readonly now: number;
  /** Due times up to here become events already. */
  readonly horizon: number;
  /** From this long after its time another scheduler may publish what this one has not. */
  readonly takeoverMs: number;
  readonly limit: number;
}

export interface Claimed {
  /** Crons that were moved on; as many as the limit says that there may be more. */
  readonly crons: number;
  readonly waiting: readonly Waiting[];
  /** Due times that will not run. */
  readonly skipped: number;
  readonly missed: number;
  /** Crons that were put to rest. */
  readonly rested: readonly { readonly cron: string; readonly problem: string }[];
}

/**
 * Turns due times into events and moves the crons on, in one transaction. What another scheduler claims meanwhile is left
 * to it. A cron that cannot be read any more, or is never due again, is put to rest.
 */
export async function claimDue(
  database: Database,
  schedules: Schedules,
  options: ClaimOptions,
): Promise<Claimed> {
  return database.write(async (transaction) => {
    const crons = await lockDue(transaction, options);
    const planned = crons.map((cron) => ({ cron, ...planOf(cron, schedules, options) }));
    if (planned.length > 0) await moveOn(transaction, planned);
    const events = planned.flatMap(({ cron, plan }) => plan.events.map((event) => ({ cron, ...event })));
    const rows = events.map(({ cron, dueAt, missed, skipped }) => ({
      id: newId<"scheduled-event">(),
      worker_id: cron.workerId,
      cron_id: cron.id,
      cron: cron.expression,
      due_at: dueAt,
      missed,
      reason: skipped ?? null,
      wall_ms: cron.wallMs,
    }));
    const inserted = rows.length === 0 ? new Set() : await insertEvents(transaction, rows, options);
    const waiting = rows.flatMap((row, index) => {
      const event = events[index];
      if (event === undefined || event.skipped !== undefined || !inserted.has(row.id)) return [];
      const { cron, dueAt } = event;
      return [toWaiting(row.id, cron, dueAt)];
    });
    return {
      crons: crons.length,
      waiting,
      skipped: events.filter(({ skipped }) => skipped !== undefined).length,
      missed: events.reduce((sum, { missed }) => sum + missed, 0),
      rested: planned.flatMap(({ cron, problem }) =>
        problem === null ? [] : [{ cron: `${cron.expression} (${cron.id})`, problem }],
      ),
    };
  });
}

function toWaiting(id: ScheduledEventId, cron: DueCron, dueAt: number): Waiting {
  return {
    id,
    cronId: cron.id,
    workerId: cron.workerId,
    cron: cron.expression,
    dueAt,
    attempt: 1,
    wallMs: cron.wallMs,
    publishAt: dueAt,
    skipLate: cron.late === "skip",
    isOld: false,
  };
}

/** With overlap `skip`, whether an earlier run goes on is known at the due time and not before. */
async function lockDue(transaction: Queries, { now, horizon, limit }: ClaimOptions): Promise<DueCron[]> {
  const { rows } = await sql<Omit<DueCron, "nextDue"> & { nextDue: Date }>`
    select id, worker_id as "workerId", expression, timezone, next_due as "nextDue", late, late_cap as "lateCap", overlap,
      wall_ms as "wallMs",
      (select count(*)::integer from scheduled_events
        where cron_id = crons.id and state in ('waiting', 'published')) as open
    from crons
    where (overlap = 'allow' and next_due <= ${new Date(horizon)}) or (overlap = 'skip' and next_due <= ${new Date(now)})
    order by next_due limit ${limit}
    for no key update skip locked
  `.execute(transaction);
  return rows.map((row) => ({ ...row, nextDue: row.nextDue.getTime() }));
}

interface Planned {
  readonly plan: Plan;
  readonly problem: string | null;
}

function planOf(cron: DueCron, schedules: Schedules, { now, horizon }: ClaimOptions): Planned {
  try {
    const plan = planDue(cron, schedules.of(cron), now, cron.overlap === "skip" ? now : horizon);
    return { plan, problem: plan.next === undefined ? "It is never due again." : null };
  } catch (thrown) {
    // Its time zone may have left the world since it was added.
    return { plan: { events: [], next: undefined }, problem: messageOf(thrown).slice(0, 1_000) };
  }
}

async function moveOn(
  transaction: Queries,
  planned: readonly (Planned & { readonly cron: DueCron })[],
): Promise<void> {
  const rows = planned.map(({ cron, plan, problem }) => ({ id: cron.id, next: plan.next ?? null, problem }));
  await sql`
    update crons set next_due = to_timestamp(moved.next / 1000.0), problem = moved.problem
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as moved (id uuid, next bigint, problem text)
    where crons.id = moved.id
  `.execute(transaction);
}

/** The ids of those that were not there yet. */
async function insertEvents(
  transaction: Queries,
  rows: readonly object[],
  { owner, now, takeoverMs }: ClaimOptions,
): Promise<Set<unknown>> {
  const inserted = await sql<{ id: ScheduledEventId }>`
    insert into scheduled_events (id, worker_id, cron_id, cron, due_at, missed, state, reason, wall_ms, publish_at,
      finished_at, claimed_by, claimed_until)
    select id, worker_id, cron_id, cron, to_timestamp(due_at / 1000.0), missed,
      case when reason is null then 'waiting' else 'skipped' end, reason, wall_ms, to_timestamp(due_at / 1000.0),
      case when reason is not null then ${new Date(now)}::timestamptz end,
      case when reason is null then ${owner}::uuid end,
      case when reason is null
        then greatest(to_timestamp(due_at / 1000.0), ${new Date(now)}::timestamptz) + ${takeoverMs} * interval '1 ms' end
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as made (id uuid, worker_id uuid, cron_id uuid, cron text,
      due_at bigint, missed integer, reason text, wall_ms integer)
    on conflict on constraint scheduled_events_once do nothing
    returning id
  `.execute(transaction);
  return new Set(inserted.rows.map(({ id }) => id));
}
