import type { BulkTransaction, Database } from "@openworkers/db";
import type { Positioned } from "../records.ts";
import { copyRecords } from "./copy-records.ts";
import { type Day, dayOf, formatDay } from "./days.ts";
import { writeStats } from "./write-stats.ts";

/** A batch as it is stored. */
export interface StorableBatch {
  readonly batchId: string;
  /** When the bus had it, in Unix milliseconds. */
  readonly storedAt: number;
  /** Repaired; may be empty. */
  readonly records: readonly Positioned[];
}

/** The days whose partitions `batches` need. */
export function daysOf(batches: readonly StorableBatch[]): Set<Day> {
  const days = new Set<Day>();
  for (const { storedAt, records } of batches) {
    days.add(dayOf(storedAt));
    for (const { record } of records) days.add(dayOf(record.time));
  }
  return days;
}

/**
 * Stores what is not stored yet of `batches`, all or nothing, with what it adds to the statistics. Returns how many
 * records that were. What `beforeCommit` throws undoes all of it.
 *
 * @throws OpenWorkersError DATABASE_UNAVAILABLE, or what PostgreSQL says of a value that it refuses
 */
export async function storeBatches(
  database: Database,
  batches: readonly StorableBatch[],
  beforeCommit: () => void = () => {},
): Promise<number> {
  return database.bulk(async (transaction) => {
    const fresh = await claim(transaction, batches);
    // `delete`, because the same batch may be among them twice.
    const records = batches.flatMap((batch) => (fresh.delete(batch.batchId) ? batch.records : []));
    await copyRecords(transaction, records);
    await writeStats(transaction, records);
    beforeCommit();
    return records.length;
  });
}

/**
 * Those that nobody stored before, each once. A batch that the bus delivers again has the same day; one that its
 * publisher sent again, long after, may be found on the day before.
 */
async function claim(transaction: BulkTransaction, batches: readonly StorableBatch[]): Promise<Set<string>> {
  // In one order for all writers: two with the same batches would wait for each other otherwise.
  const sorted = batches.toSorted((a, b) => (a.batchId < b.batchId ? -1 : 1));
  const ids = sorted.map(({ batchId }) => batchId);
  const days = sorted.map(({ storedAt }) => formatDay(dayOf(storedAt)));
  const rows = await transaction.query<{ batch_id: string }>(claiming, [days, ids]);
  return new Set(rows.map((row) => row.batch_id));
}

const claiming = {
  name: "logs-claim",
  text: `
    insert into log_batches (day, batch_id)
    select day, batch_id from unnest($1::date[], $2::uuid[]) as given (day, batch_id)
    where not exists (
      select from log_batches earlier where earlier.day = given.day - 1 and earlier.batch_id = given.batch_id
    )
    on conflict do nothing returning batch_id`,
};
