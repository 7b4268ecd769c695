import { type InvocationRecord, type LogLine, logLevels } from "@openworkers/core";
import type { Database, Queries } from "@openworkers/db";
import { sql } from "kysely";
import type { Positioned } from "../records.ts";
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
  return database.write(async (transaction) => {
    const fresh = await claim(transaction, batches);
    // `delete`, because the same batch may be among them twice.
    const records = batches.flatMap((batch) => (fresh.delete(batch.batchId) ? batch.records : []));
    await insertLines(transaction, records);
    await insertInvocations(transaction, records);
    await writeStats(transaction, records);
    beforeCommit();
    return records.length;
  });
}

/**
 * Those that nobody stored before, each once. A batch that the bus delivers again has the same day; one that its
 * publisher sent again, long after, may be found on the day before.
 */
async function claim(transaction: Queries, batches: readonly StorableBatch[]): Promise<Set<string>> {
  // In one order for all writers: two with the same batches would wait for each other otherwise.
  const sorted = batches.toSorted((a, b) => (a.batchId < b.batchId ? -1 : 1));
  const ids = sorted.map(({ batchId }) => batchId);
  const days = sorted.map(({ storedAt }) => formatDay(dayOf(storedAt)));
  const { rows } = await sql<{ batch_id: string }>`
    insert into log_batches (day, batch_id)
    select day, batch_id from unnest(${days}::date[], ${ids}::uuid[]) as given (day, batch_id)
    where not exists (
      select from log_batches earlier where earlier.day = given.day - 1 and earlier.batch_id = given.batch_id
    )
    on conflict do nothing returning batch_id
  `.execute(transaction);
  return new Set(rows.map((row) => row.batch_id));
}

// One JSON document goes through the driver at some 40 ns per byte of its own; arrays of columns take five times that.
async function insertLines(transaction: Queries, records: readonly Positioned[]): Promise<void> {
  const rows = records.flatMap(({ position, record }) =>
    record.kind === "line" ? [lineRow(record, position.batch, position.index)] : [],
  );
  if (rows.length === 0) return;
  await sql`
    insert into logs (
      time, position, index, worker_id, version_id, request_id, version, level, worker, message, exception
    )
    select to_timestamp(t / 1000.0), p, i, w, v, r, n, l, name, m, e
    from json_to_recordset(${JSON.stringify(rows)}::json) as given (
      t double precision, p bigint, i integer, w uuid, v uuid, r uuid, n integer, l smallint, name text, m text, e jsonb
    )
  `.execute(transaction);
}

function lineRow(line: LogLine, position: number, index: number) {
  return {
    t: line.time,
    p: position,
    i: index,
    w: line.workerId,
    v: line.versionId,
    r: line.requestId,
    n: line.version,
    l: logLevels.indexOf(line.level),
    name: line.worker,
    m: line.message,
    e: line.exception,
  };
}

async function insertInvocations(transaction: Queries, records: readonly Positioned[]): Promise<void> {
  const rows = records.flatMap(({ position, record }) =>
    record.kind === "invocation" ? [invocationRow(record, position.batch, position.index)] : [],
  );
  if (rows.length === 0) return;
  await sql`
    insert into invocations (
      time, position, index, worker_id, version_id, request_id, version, status, wall_ms, cpu_ms, cold_start,
      trigger, outcome, worker, method, host, path, event
    )
    select to_timestamp(t / 1000.0), p, i, w, v, r, n, s, wall, cpu, cold, trigger, o, name, m, h, path, e
    from json_to_recordset(${JSON.stringify(rows)}::json) as given (
      t double precision, p bigint, i integer, w uuid, v uuid, r uuid, n integer, s integer, wall double precision,
      cpu double precision, cold boolean, trigger text, o text, name text, m text, h text, path text, e text
    )
  `.execute(transaction);
}

function invocationRow(invocation: InvocationRecord, position: number, index: number) {
  return {
    t: invocation.time,
    p: position,
    i: index,
    w: invocation.workerId,
    v: invocation.versionId,
    r: invocation.requestId,
    n: invocation.version,
    s: invocation.status,
    wall: invocation.wallMs,
    cpu: invocation.cpuMs,
    cold: invocation.coldStart,
    trigger: invocation.trigger,
    o: invocation.outcome,
    name: invocation.worker,
    m: invocation.method,
    h: invocation.host,
    path: invocation.path,
    e: invocation.event,
  };
}
