import type { WorkerId } from "@openworkers/core";
import type { BulkTransaction } from "@openworkers/db";
import { isError } from "../filter.ts";
import type { Positioned } from "../records.ts";
import { bucketOf } from "./histogram.ts";

const minuteMs = 60_000;

interface Minute {
  readonly worker: WorkerId;
  /** Unix milliseconds. */
  readonly minute: number;
  lines: number;
  requests: number;
  errors: number;
  cold: number;
  cpu: number;
  wall: number;
  readonly outcomes: Record<string, number>;
  readonly histogram: number[];
  first: number;
  last: number;
}

/** Adds what `records` say to their workers' minutes, in the transaction that stores them. */
export async function writeStats(
  transaction: BulkTransaction,
  records: readonly Positioned[],
): Promise<void> {
  const minutes = [...sum(records).entries()];
  if (minutes.length === 0) return;
  // In one order for all writers: two that add to the same minutes would wait for each other otherwise.
  const rows = minutes.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, minute]) => minute);
  await transaction.query(adding, [JSON.stringify(rows)]);
}

const adding = {
  name: "logs-stats",
  text: `
    insert into worker_stats (
      worker_id, minute, lines, requests, errors, cold_starts, cpu_ms, wall_ms, outcomes, wall_histogram,
      first_position, last_position
    )
    select worker, to_timestamp(minute / 1000.0), lines, requests, errors, cold, cpu, wall, outcomes,
      array(select value::integer from json_array_elements_text(histogram) with ordinality order by ordinality),
      first, last
    from json_to_recordset($1::json) as given (
      worker uuid, minute double precision, lines integer, requests integer, errors integer, cold integer,
      cpu double precision, wall double precision, outcomes jsonb, histogram json, first bigint, last bigint
    )
    on conflict (worker_id, minute) do update set
      lines = worker_stats.lines + excluded.lines,
      requests = worker_stats.requests + excluded.requests,
      errors = worker_stats.errors + excluded.errors,
      cold_starts = worker_stats.cold_starts + excluded.cold_starts,
      cpu_ms = worker_stats.cpu_ms + excluded.cpu_ms,
      wall_ms = worker_stats.wall_ms + excluded.wall_ms,
      outcomes = add_outcomes(worker_stats.outcomes, excluded.outcomes),
      wall_histogram = add_counts(worker_stats.wall_histogram, excluded.wall_histogram),
      first_position = least(worker_stats.first_position, excluded.first_position),
      last_position = greatest(worker_stats.last_position, excluded.last_position)`,
};

function sum(records: readonly Positioned[]): Map<string, Minute> {
  const minutes = new Map<string, Minute>();
  for (const { position, record } of records) {
    const minute = minuteFor(minutes, record.workerId, record.time, position.batch);
    minute.first = Math.min(minute.first, position.batch);
    minute.last = Math.max(minute.last, position.batch);
    if (record.kind === "line") {
      minute.lines += 1;
      continue;
    }
    minute.requests += 1;
    minute.errors += isError(record.outcome) ? 1 : 0;
    minute.cold += record.coldStart ? 1 : 0;
    minute.cpu += record.cpuMs;
    minute.wall += record.wallMs;
    minute.outcomes[record.outcome] = (minute.outcomes[record.outcome] ?? 0) + 1;
    const bucket = bucketOf(record.wallMs);
    while (minute.histogram.length <= bucket) minute.histogram.push(0);
    minute.histogram[bucket] = (minute.histogram[bucket] ?? 0) + 1;
  }
  return minutes;
}

function minuteFor(minutes: Map<string, Minute>, worker: WorkerId, time: number, position: number): Minute {
  const minute = Math.floor(time / minuteMs) * minuteMs;
  const key = `${worker} ${minute}`;
  let found = minutes.get(key);
  if (found === undefined) {
    found = {
      worker,
      minute,
      lines: 0,
      requests: 0,
      errors: 0,
      cold: 0,
      cpu: 0,
      wall: 0,
      outcomes: Object.create(null),
      histogram: [],
      first: position,
      last: position,
    };
    minutes.set(key, found);
  }
  return found;
}
