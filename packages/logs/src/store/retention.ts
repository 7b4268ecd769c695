import type { WorkerId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { sql } from "kysely";
import { dayOf } from "./days.ts";
import type { KeptDays, Partitions } from "./partitions.ts";

/** Rows that one statement deletes: short transactions, which nobody waits for. */
const chunk = 10_000;

/**
 * Makes the partitions of today and tomorrow, drops those that are past, and deletes what workers keep for a shorter
 * time than the platform. Any number of services may do it at once.
 *
 * @returns names of what was dropped, and how many records were deleted
 * @throws OpenWorkersError DATABASE_UNAVAILABLE
 */
export async function keepHouse(
  database: Database,
  partitions: Partitions,
  { now, kept, signal }: { now: number; kept: KeptDays; signal: AbortSignal },
): Promise<{ readonly dropped: readonly string[]; readonly deleted: number }> {
  await partitions.ensure([dayOf(now), dayOf(now) + 1]);
  const dropped = await partitions.dropOld(now, kept);
  await database.write((transaction) =>
    transaction.deleteFrom("log_tokens").where("expires_at", "<", new Date(now)).execute(),
  );
  const deleted = await deleteShorter(database, partitions, { now, kept, signal });
  return { dropped, deleted };
}

// Whole days of few workers, found by the index that begins with the worker.
async function deleteShorter(
  database: Database,
  partitions: Partitions,
  { now, kept, signal }: { now: number; kept: KeptDays; signal: AbortSignal },
): Promise<number> {
  const workers = await database.read((queries) =>
    queries
      .selectFrom("workers")
      .select(["id", "log_retention_days"])
      .where("log_retention_days", "<", kept.records)
      .execute(),
  );
  let deleted = 0;
  for (const table of ["logs", "invocations"]) {
    const days = workers.length === 0 ? [] : await partitions.list(table);
    for (const { id, log_retention_days: keptDays } of workers) {
      for (const { name, day } of days) {
        if (day >= dayOf(now) - (keptDays ?? kept.records)) continue;
        deleted += await deleteAll(database, name, id, signal);
      }
    }
  }
  return deleted;
}

async function deleteAll(
  database: Database,
  name: string,
  worker: WorkerId,
  signal: AbortSignal,
): Promise<number> {
  let deleted = 0;
  for (;;) {
    signal.throwIfAborted();
    const { numAffectedRows = 0n } = await database.write((transaction) =>
      sql`
        delete from ${sql.table(name)} where ctid = any(array(
          select ctid from ${sql.table(name)} where worker_id = ${worker}::uuid limit ${chunk}
        ))
      `.execute(transaction),
    );
    deleted += Number(numAffectedRows);
    if (Number(numAffectedRows) < chunk) return deleted;
  }
}
