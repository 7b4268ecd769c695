import { OpenWorkersError } from "@openworkers/core";
import type { Queries } from "@openworkers/db";
import { sql } from "kysely";
import { fencesMark } from "./fences.ts";

/** What the operator should know of the tenants' server. */
export interface ServerReport {
  /** As `server_version_num`: 150020 is 15.20. */
  readonly version: number;
  /** Whether the template was made or changed. */
  readonly changed: boolean;
  /** What of the server's configuration weakens the limits: a sentence each. */
  readonly warnings: readonly string[];
}

export interface ServerFacts {
  /** As `server_version_num`. */
  readonly version: number;
  /** What the comment on a database says when its fences are up. */
  readonly mark: string;
}

/** @throws OpenWorkersError CONFIG_INVALID: not a superuser, or a server that is too old */
export async function serverFacts(queries: Queries): Promise<ServerFacts> {
  const { rows } = await sql<{ version: number; super: boolean; user: string }>`
        select current_setting('server_version_num')::int as version, current_user as user,
          (select rolsuper from pg_roles where rolname = current_user) as super`.execute(queries);
  const [facts] = rows;
  if (facts === undefined || !facts.super || facts.version < 150_000) {
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      facts?.super
        ? `Tenants' databases need PostgreSQL 15 or later; the server is ${facts.version}.`
        : `"${facts?.user}" is not a superuser of the tenants' server.`,
      {
        hint: "Set OW_TENANTS_URL to a PostgreSQL of its own, with a superuser: the fences between tenants need one.",
      },
    );
  }
  const identified = await sql<{
    id: string;
  }>`select system_identifier::text as id from pg_control_system()`.execute(queries);
  return { version: facts.version, mark: fencesMark(identified.rows[0]?.id ?? "") };
}

/** What of the server's configuration weakens the limits: a sentence each. */
export async function serverWarnings(queries: Queries): Promise<string[]> {
  const { rows } = await sql<{ open: string[] | null; prepared: boolean; locks: number }>`
        select (select array_agg(datname::text order by datname) from pg_database
                where datallowconn and has_database_privilege('public', oid, 'CONNECT')) as open,
          current_setting('max_prepared_transactions')::int > 0 as prepared,
          current_setting('max_locks_per_transaction')::int as locks`.execute(queries);
  const [found] = rows;
  const warnings: string[] = [];
  if (found?.open != null) {
    warnings.push(
      `Every role of the tenants' server may connect to ${found.open.join(", ")}: revoke connect on database … from public.`,
    );
  }
  if (found?.prepared) {
    warnings.push(
      "max_prepared_transactions is not 0: tenants may leave locks behind that no session holds.",
    );
  }
  if (found !== undefined && found.locks < 256) {
    warnings.push(
      `max_locks_per_transaction is ${found.locks}: one tenant may use up the locks of all for a second; 1024 is better.`,
    );
  }
  return warnings;
}

/** Order and case rules of PostgreSQL itself where it has them; else the system's, which every Linux has. */
export function locale(version: number): string {
  return version >= 170_000
    ? "locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'"
    : "lc_collate 'C' lc_ctype 'C.UTF-8'";
}
