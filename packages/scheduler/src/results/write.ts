import type { ScheduledEventId, ScheduledResult } from "@openworkers/core";
import type { Database, Queries } from "@openworkers/db";
import { sql } from "kysely";
import { type OpenEvent, type Settled, settle } from "./settle.ts";

export interface Written {
  /** Further attempts that wait now. */
  readonly retries: number;
}

/**
 * Writes results into the history, all of them or none. Results of events that are no longer kept are left out. A result
 * may come again: it changes nothing then.
 */
export async function writeResults(
  database: Database,
  results: readonly ScheduledResult[],
  now: number,
): Promise<Written> {
  return database.write(async (transaction) => {
    const events = await lockEvents(transaction, [...new Set(results.map(({ eventId }) => eventId))].sort());
    const changed = new Map<ScheduledEventId, Change>();
    for (const result of results) {
      const event = events.get(result.eventId);
      const settled = event && settle(event, result, now);
      if (event === undefined || settled === undefined) continue;
      const { requestId } = settled.shown ? result : event;
      events.set(result.eventId, { ...event, ...settled, requestId });
      const shown = settled.shown ? result : changed.get(result.eventId)?.shown;
      changed.set(result.eventId, { settled, ...(shown === undefined ? {} : { shown }) });
    }
    const rows = [...changed].map(([id, change]) => toRow(id, change));
    if (rows.length > 0) await update(transaction, rows);
    return { retries: rows.filter(({ publish_at }) => publish_at !== null).length };
  });
}

interface Change {
  readonly settled: Settled;
  readonly shown?: ScheduledResult;
}

async function lockEvents(
  transaction: Queries,
  ids: readonly ScheduledEventId[],
): Promise<Map<ScheduledEventId, OpenEvent>> {
  const { rows } = await sql<OpenEvent & { readonly id: ScheduledEventId }>`
    select event.id, state, attempt, request_id as "requestId", redelivered,
      crons.retries, crons.retry_delay_ms as "retryDelayMs"
    from scheduled_events as event
    left join crons on crons.id = event.cron_id and not crons.paused
    where event.id = any(${ids}::uuid[])
    order by event.id
    for update of event
  `.execute(transaction);
  return new Map(rows.map((row) => [row.id, row]));
}

function toRow(id: ScheduledEventId, { settled, shown }: Change) {
  return {
    id,
    state: settled.state,
    attempt: settled.attempt,
    redelivered: settled.redelivered,
    publish_at: settled.publishAt ?? null,
    request_id: shown?.requestId ?? null,
    started_at: shown?.startedAt ?? null,
    duration_ms: shown?.wallMs ?? null,
    cpu_ms: shown?.cpuMs ?? null,
    outcome: shown?.outcome.slice(0, 32) ?? null,
    error: shown === undefined ? null : storable(shown.error),
  };
}

/** What a worker threw may hold what PostgreSQL's text and JSON do not: NUL, and halves of characters. */
function storable(error: string | undefined): string | null {
  return error?.slice(0, 2_000).toWellFormed().replaceAll("\0", "\u2400") ?? null;
}

async function update(transaction: Queries, rows: readonly ReturnType<typeof toRow>[]): Promise<void> {
  await sql`
    update scheduled_events as event
    set state = settled.state, attempt = settled.attempt, redelivered = settled.redelivered,
      reason = case when settled.state = 'skipped' then event.reason end,
      publish_at = coalesce(to_timestamp(settled.publish_at / 1000.0), event.publish_at),
      claimed_by = null, claimed_until = null,
      request_id = coalesce(settled.request_id, event.request_id),
      started_at = coalesce(to_timestamp(settled.started_at / 1000.0), event.started_at),
      finished_at = coalesce(to_timestamp((settled.started_at + settled.duration_ms) / 1000.0), event.finished_at),
      duration_ms = coalesce(settled.duration_ms, event.duration_ms),
      cpu_ms = coalesce(settled.cpu_ms, event.cpu_ms),
      outcome = coalesce(settled.outcome, event.outcome),
      error = case when settled.request_id is null then event.error else settled.error end
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as settled (id uuid, state text, attempt integer,
      redelivered boolean, publish_at double precision, request_id uuid, started_at double precision,
      duration_ms double precision, cpu_ms double precision, outcome text, error text)
    where event.id = settled.id
  `.execute(transaction);
}
