import type { DatabaseId } from "@openworkers/core";
import type { Queries } from "@openworkers/db";
import { sql } from "kysely";
import { type DatabaseRole, tenantNames } from "../tenant.ts";

/** How long sessions that are ended may take to go, all together. One that computes without looking up does not. */
const endMs = 2_000;

/** Ends the sessions of these roles of the tenant's, but for the one that is to be spared; returns how many there were, when they have gone or had their time. */
export async function endSessions(
  queries: Queries,
  id: DatabaseId,
  roles: readonly DatabaseRole[],
  sparedPid = 0,
): Promise<number> {
  const names = tenantNames(id);
  const wanted = roles.map((role) => names.roles[role]);
  // Not as a condition: conditions are tried in any order, on sessions of others too.
  const { rows } = await sql<{ pid: number }>`
    select pid, pg_terminate_backend(pid) from pg_stat_activity
    where datname = ${names.database} and usename = any(${wanted}) and pid <> ${sparedPid}`.execute(queries);
  const pids = rows.map(({ pid }) => pid);
  const deadline = performance.now() + endMs;
  for (let left = pids.length; left > 0 && performance.now() < deadline; ) {
    const there = await sql<{ left: number }>`
      select count(*)::int as left from pg_stat_activity
      where pid = any(${pids}) and datname = ${names.database} and usename = any(${wanted})`.execute(queries);
    left = there.rows[0]?.left ?? 0;
    if (left > 0) await Bun.sleep(10);
  }
  return pids.length;
}
