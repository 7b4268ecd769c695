import type { WorkerId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { sql } from "kysely";
import { percentileOf } from "./histogram.ts";

/** What happened in one step of time. Times are milliseconds. */
export interface StatsStep {
  /** When it begins, in Unix milliseconds. */
  readonly time: number;
  readonly lines: number;
  /** Invocations of every trigger. */
  readonly requests: number;
  /** Those of them that did not end `ok` or `canceled`. */
  readonly errors: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Invocations that a cell was started for. */
  readonly coldStarts: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  /** Of wall time, off by 9.1 % at most; absent without requests. */
  readonly p50?: number;
  readonly p90?: number;
  readonly p99?: number;
}

export interface StatsRange {
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
  /** A whole number of minutes, in milliseconds. */
  readonly stepMs: number;
}

interface Row {
  readonly time_ms: string;
  readonly lines: number;
  readonly requests: number;
  readonly errors: number;
  readonly cold_starts: number;
  readonly outcomes: readonly Record<string, number>[];
  readonly cpu_ms: number;
  readonly wall_ms: number;
  readonly histograms: readonly (readonly number[])[];
}

/**
 * A worker's steps between `from` and `to` in which something happened, oldest first. Steps begin at multiples of
 * `stepMs` since 1970.
 *
 * @throws OpenWorkersError DATABASE_UNAVAILABLE
 */
export async function readStats(
  database: Database,
  worker: WorkerId,
  range: StatsRange,
): Promise<StatsStep[]> {
  const { from, to, stepMs } = range;
  const { rows } = await database.read((queries) =>
    sql<Row>`
      select floor(extract(epoch from minute) * 1000 / ${stepMs}::bigint) * ${stepMs}::bigint as time_ms,
        sum(lines)::bigint as lines, sum(requests)::bigint as requests, sum(errors)::bigint as errors,
        sum(cold_starts)::bigint as cold_starts, sum(cpu_ms) as cpu_ms, sum(wall_ms) as wall_ms, jsonb_agg(outcomes) as outcomes,
        jsonb_agg(wall_histogram) as histograms
      from worker_stats
      where worker_id = ${worker}::uuid
        and minute >= ${new Date(from).toISOString()}::timestamptz
        and minute < ${new Date(to).toISOString()}::timestamptz
      group by 1 order by 1
    `.execute(queries),
  );
  return rows.map(stepOf);
}

function stepOf(row: Row): StatsStep {
  const histogram: number[] = [];
  for (const counts of row.histograms) {
    for (const [bucket, count] of counts.entries()) histogram[bucket] = (histogram[bucket] ?? 0) + count;
  }
  const outcomes: Record<string, number> = {};
  for (const each of row.outcomes) {
    for (const [outcome, count] of Object.entries(each)) outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
  }
  const percentiles = Object.entries({ p50: 0.5, p90: 0.9, p99: 0.99 }).flatMap(([name, share]) => {
    const told = percentileOf(histogram, share);
    return told === undefined ? [] : [[name, told] as const];
  });
  return {
    time: Number(row.time_ms),
    lines: row.lines,
    requests: row.requests,
    errors: row.errors,
    outcomes,
    coldStarts: row.cold_starts,
    cpuMs: row.cpu_ms,
    wallMs: row.wall_ms,
    ...Object.fromEntries(percentiles),
  };
}
