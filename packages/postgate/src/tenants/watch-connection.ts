import type { DatabaseId } from "@openworkers/core";
import { type Address, clientConfig } from "@openworkers/db";
import { Client, DatabaseError } from "pg";
import { type DatabaseRole, tenantOf } from "../tenant.ts";

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
  readonly datid: number;
  readonly usesysid: number | null;
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

/** What one statement frees for the next when there is not one lock left. */
const ballast = 1_000;
const turn = "concat_ws(' ', s.pid, s.backend_start, s.query_start, s.state)";

const sessionsSql = `
  with held as materialized (
    select pid, count(*)::int as locks from pg_catalog.pg_lock_status() where pid is not null group by pid)
  select s.datid, s.usesysid, s.pid, ${turn} as turn, s.application_name as application,
    case when s.backend_type = 'client backend' then coalesce(s.state, 'other')
      when analyzed.pid is null then 'other' else 'analyze' end as state,
    extract(epoch from clock_timestamp() - case when s.state = 'active' then s.query_start else s.state_change end)::float8
      * 1000 as state_ms,
    coalesce(extract(epoch from clock_timestamp() - s.xact_start)::float8 * 1000, 0) as transaction_ms,
    coalesce(s.wait_event = 'ClientWrite', false) as waits,
    coalesce(held.locks, 0) as locks, analyzed.relid
  from pg_catalog.pg_stat_get_activity(null) s left join held using (pid)
    left join pg_catalog.pg_stat_get_progress_info('ANALYZE') analyzed using (pid)
  where s.datid <> 0 and s.pid <> pg_backend_pid() and s.backend_type in ('client backend', 'autovacuum worker')
    and (s.state <> 'idle' or s.backend_type = 'autovacuum worker' or held.locks > 0)`;

const sharedSql = `
  select pg_notification_queue_usage() as queue,
    current_setting('max_locks_per_transaction')::int
      * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) as capacity`;

const pidsSql = `
  select array_agg(s.pid) as pids from pg_catalog.pg_stat_get_activity(null) s
  where s.datid = $1 and s.backend_type = 'client backend' and s.usesysid <> all($2)`;

// PostgreSQL asks the catalog who may end whose session: the lock that takes is one of those that are let go just before.
const endAllSql = `
  with freed as materialized (select pg_advisory_unlock_all())
  select pg_terminate_backend(pid) from freed, unnest($1::int[]) pid`;

/**
 * The watchdog's connection. It is opened before it is needed, asks functions and not the catalogs that all databases
 * share, and holds a thousand locks of no use: when a tenant has taken all locks that there are, nobody else gets one,
 * can log in, or can end a session, until these are let go.
 */
export class WatchConnection implements AsyncDisposable {
  readonly #address: Address;
  readonly #databases = new Map<number, DatabaseId | "platform">();
  readonly #roles = new Map<number, DatabaseRole | "platform">();
  #client: Client | undefined;
  #loaded = false;

  constructor(address: Address) {
    this.#address = address;
  }

  /** The sessions of tenants that do or hold something. @throws what `pg` throws */
  async look(): Promise<Watched> {
    const client = await this.#connected();
    await this.#load(client);
    const { rows } = await client.query<Row>(sessionsSql);
    const isNew = ({ datid, usesysid }: Row) =>
      !this.#databases.has(datid) || (usesysid !== null && !this.#roles.has(usesysid));
    if (rows.some(isNew)) await this.#learn(client, rows);
    const shared = await client.query<{ queue: number; capacity: number }>(sharedSql);
    return {
      sessions: rows.flatMap((row) => this.#watched(row) ?? []),
      notifyQueue: shared.rows[0]?.queue ?? 0,
      lockCapacity: shared.rows[0]?.capacity ?? 0,
    };
  }

  /** Cancels what a session does, or ends it, if it is still at it. Returns whether it was. */
  async end({ pid, turn: seen }: WatchedSession, action: "cancelled" | "terminated"): Promise<boolean> {
    const client = await this.#connected();
    const end = action === "cancelled" ? "pg_cancel_backend" : "pg_terminate_backend";
    const { rows } = await client.query<{ ended: boolean }>(
      `select ${end}(s.pid) as ended from pg_catalog.pg_stat_get_activity($1) s where ${turn} = $2`,
      [pid, seen],
    );
    return rows[0]?.ended ?? false;
  }

  /** Ends all sessions of a tenant, also when there is no lock left. */
  async endAll(id: DatabaseId): Promise<void> {
    const database = [...this.#databases].find(([, known]) => known === id)?.[0];
    if (database !== undefined) await this.#endAll(await this.#connected(), database);
  }

  async #endAll(client: Client, database: number): Promise<void> {
    const platform = [...this.#roles].filter(([, known]) => known === "platform").map(([oid]) => oid);
    const { rows } = await client.query<{ pids: number[] | null }>(pidsSql, [database, platform]);
    this.#loaded = false;
    await client.query(endAllSql, [rows[0]?.pids ?? []]);
  }

  /** Learns who is who; if somebody who came after the last time left no lock for it, ends who holds most first. */
  async #learn(client: Client, rows: readonly Row[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#refresh(client);
      } catch (thrown) {
        if (!outOfLocks(thrown) || attempt === 10) throw thrown;
        const greediest = rows
          .filter(({ usesysid }) => usesysid !== null && this.#roles.get(usesysid) !== "platform")
          .toSorted((a, b) => b.locks - a.locks)[0];
        if (greediest === undefined) throw thrown;
        await this.#endAll(client, greediest.datid);
        await Bun.sleep(20);
      }
    }
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = new Client(clientConfig(this.#address, { applicationName: "openworkers-watchdog" }));
    const lost = () => {
      if (this.#client === client) this.#client = undefined;
    };
    client.on("error", lost);
    client.on("end", lost);
    await client.connect();
    await this.#refresh(client);
    // What these take from the catalogs is remembered for when it cannot be asked for.
    await client.query(pidsSql, [0, []]);
    await client.query(endAllSql, [[]]);
    this.#loaded = false;
    this.#client = client;
    return client;
  }

  /** Takes the ballast again; the next look tries it again when there is no room for it. */
  async #load(client: Client): Promise<void> {
    if (this.#loaded) return;
    const key = crypto.getRandomValues(new Int32Array(1))[0];
    try {
      await client.query("select pg_advisory_unlock_all()");
      await client.query(
        "select count(pg_try_advisory_lock($1::int, n)) from generate_series(1, $2::int) n",
        [key, ballast],
      );
      this.#loaded = true;
    } catch (thrown) {
      if (!outOfLocks(thrown)) throw thrown;
    }
  }

  async #refresh(client: Client): Promise<void> {
    const { rows } = await client.query<{ oid: number; name: string; kind: string }>(`
      select oid, datname as name, 'database' as kind from pg_database
      union all select oid, rolname, 'role' from pg_authid`);
    this.#databases.clear();
    this.#roles.clear();
    for (const { oid, name, kind } of rows) {
      const tenant = tenantOf(name);
      if (kind === "role") this.#roles.set(oid, tenant?.role ?? "platform");
      else this.#databases.set(oid, tenant?.id ?? "platform");
    }
  }

  #watched(row: Row): WatchedSession | undefined {
    const tenant = this.#databases.get(row.datid);
    const role = row.usesysid === null ? undefined : this.#roles.get(row.usesysid);
    // A session of the platform's, in a tenant's database or elsewhere.
    if (tenant === undefined || tenant === "platform" || role === "platform") return undefined;
    return {
      tenant,
      role,
      pid: row.pid,
      turn: row.turn,
      application: row.application,
      state: stateOf(row.state),
      stateMs: row.state_ms,
      transactionMs: row.transaction_ms,
      waitsForClient: row.waits,
      locks: row.locks,
      analyzed: row.relid ?? undefined,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.end();
  }
}

function outOfLocks(thrown: unknown): boolean {
  return thrown instanceof DatabaseError && thrown.code === "53200";
}

function stateOf(state: string): WatchedSession["state"] {
  if (state.startsWith("idle in transaction")) return "idle in transaction";
  if (state === "fastpath function call") return "active";
  return state === "active" || state === "idle" || state === "analyze" ? state : "other";
}
