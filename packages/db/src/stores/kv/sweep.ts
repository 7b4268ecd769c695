import { sql } from "kysely";
import type { StoreDatabase } from "../../database.ts";

export interface SweepOptions {
  /** How long a large value that no entry has any more is kept for those who read it, or write it. */
  readonly keepMs: number;
  readonly signal: AbortSignal;
}

/** Rows that one statement takes; a large value has up to 100 chunks. */
const entriesBatch = 1_000;
const valuesBatch = 20;

/**
 * Removes entries that have expired, which nobody sees any more, and large values that no entry has. Any number of
 * runners may do so at once: each takes rows that no other has taken.
 *
 * @returns how many of each went. Stops between two batches when `signal` aborts.
 */
export async function sweepKv(
  database: StoreDatabase,
  { keepMs, signal }: SweepOptions,
): Promise<{ entries: number; values: number }> {
  const entries = await inBatches(entriesBatch, signal, async () => {
    const { numAffectedRows } = await database.read((queries) =>
      sql`delete from kv_entries where (namespace_id, key) in (
        select namespace_id, key from kv_entries where expires_at <= now()
        order by expires_at limit ${entriesBatch} for update skip locked
      ) and expires_at <= now()`.execute(queries),
    );
    return Number(numAffectedRows);
  });
  const values = await inBatches(valuesBatch, signal, async () => {
    const { numAffectedRows } = await database.read((queries) =>
      sql`delete from kv_values where id in (
        select id from kv_values where released_at <= now() - ${keepMs} * interval '1 ms'
        order by released_at limit ${valuesBatch} for update skip locked
      )`.execute(queries),
    );
    return Number(numAffectedRows);
  });
  return { entries, values };
}

async function inBatches(batch: number, signal: AbortSignal, next: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let taken = batch; taken === batch && !signal.aborted; total += taken) taken = await next();
  return total;
}
