import type { DatabaseId } from "@openworkers/core";
import { sql } from "kysely";
import { type DatabaseRole, tenantOf } from "../tenant.ts";
import type { TenantServer } from "./tenant-server.ts";

/** A session of a tenant's, or PostgreSQL's own work on a tenant's tables, as the watchdog sees it. */
export interface WatchedSession {
  readonly tenant: DatabaseId;
  /** `undefined`: autovacuum. */
  readonly role: DatabaseRole | undefined;
  readonly pid: number;
  /** Tells this turn of the process from the next: process, statement and state. */
  readonly turn: string;
  /** What the client calls itself; text of the tenant's. */
  readonly application: string;
  readonly state: "active" | "idle" | "idle in transaction" | "analyze" | "other";
  /** How long the statement has been running, or the session has been saying nothing. */
  readonly stateMs: number;
  /** How long the transaction is open; 0 when there is none. */
  readonly transactionMs: number;
  readonly waitsForClient: boolean;
  readonly locks: number;
  /** The table whose statistics it gathers. */
  readonly analyzed: number | undefined;
}

export interface Watched {
  readonly sessions: readonly WatchedSession[];
  /** How full the queue of NOTIFY is, which all databases share: 0 to 1. */
  readonly notifyQueue: number;
  /** Locks that all databases share. */
  readonly lockCapacity: number;
}

interface Row {
  readonly datname: string;
  readonly usename: string | null;
  readonly pid: number;
  readonly turn: string;
  readonly application: string;
  readonly state: string;
  readonly state_ms: number;
  readonly transaction_ms: number;
  readonly waits: boolean;
  readonly locks: number;
  readonly relid: number | null;
}

/** The sessions of tenants that do or hold something. */
export async function watchedSessions(server: TenantServer): Promise<Watched> {
  const [activity, shared] = await server.read((queries) =>
    Promise.all([
      sql<Row>`
        with held as (select pid, count(*)::int as locks from pg_locks group by pid)
        select s.datname, s.usename, s.pid, concat_ws(' ', s.backend_start, s.query_start, s.state) as turn,
          s.application_name as application,
          case when s.backend_type <> 'client backend'
            then case when analyzed.pid is null then 'other' else 'analyze' end
            else coalesce(s.state, 'other') end as state,
          extract(epoch from clock_timestamp() - case when s.state = 'active' then s.query_start else s.state_change end)::float8
            * 1000 as state_ms,
          coalesce(extract(epoch from clock_timestamp() - s.xact_start)::float8 * 1000, 0) as transaction_ms,
          coalesce(s.wait_event = 'ClientWrite', false) as waits,
          coalesce(held.locks, 0) as locks, analyzed.relid
        from pg_stat_activity s left join held using (pid) left join pg_stat_progress_analyze analyzed using (pid)
        where starts_with(s.datname, 'ow_') and s.backend_type in ('client backend', 'autovacuum worker')
          and (s.state <> 'idle' or s.backend_type = 'autovacuum worker' or held.locks > 0)`.execute(queries),
      sql<{ queue: number; capacity: number }>`
        select pg_notification_queue_usage() as queue,
          current_setting('max_locks_per_transaction')::int
            * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) as capacity`.execute(
        queries,
      ),
    ]),
  );
  return {
    sessions: activity.rows.flatMap((row) => watched(row) ?? []),
    notifyQueue: shared.rows[0]?.queue ?? 0,
    lockCapacity: shared.rows[0]?.capacity ?? 0,
  };
}

function watched(row: Row): WatchedSession | undefined {
  const tenant = tenantOf(row.datname);
  if (tenant === undefined) return undefined;
  // A superuser's session in a tenant's database is the platform's.
  const role = row.usename === null ? undefined : tenantOf(row.usename);
  if (row.usename !== null && role?.id !== tenant.id) return undefined;
  return {
    tenant: tenant.id,
    role: role?.role,
    pid: row.pid,
    turn: `${row.pid} ${row.turn}`,
    application: row.application,
    state: stateOf(row.state),
    stateMs: row.state_ms,
    transactionMs: row.transaction_ms,
    waitsForClient: row.waits,
    locks: row.locks,
    analyzed: row.relid ?? undefined,
  };
}

function stateOf(state: string): WatchedSession["state"] {
  if (state.startsWith("idle in transaction")) return "idle in transaction";
  if (state === "fastpath function call") return "active";
  return state === "active" || state === "idle" || state === "analyze" ? state : "other";
}
