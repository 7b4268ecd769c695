import type { Database, Queries } from "@openworkers/db";
import { sql } from "kysely";
import type { LogFilter } from "../filter.ts";
import { comparePositions, endOf, type Position } from "../position.ts";
import type { Positioned } from "../records.ts";
import { kindsFor, type Scan, type ScanRange, scan } from "./scan.ts";

export interface Page {
  readonly records: readonly Positioned[];
  /** Go on from here; undefined when there is no more. It may be there with fewer records than asked for, or none. */
  readonly next: Position | undefined;
}

export interface ReadOptions extends ScanRange {
  readonly filter: LogFilter;
  readonly limit: number;
}

/** Statements that one page may take: a filter that nothing fits must not keep a connection for long. */
const scansPerPage = 12;
/** Rows that the first looks at. Each looks at four times as many as the one before, for those that few fit. */
const firstWindow = 500;
const largestWindow = 20_000;

/**
 * A page of stored records, in order, no matter how many there are. It ends early when a filter made it look at some
 * 190,000 records: `next` says where.
 *
 * @throws OpenWorkersError DATABASE_UNAVAILABLE
 */
export async function readRecords(database: Database, options: ReadOptions): Promise<Page> {
  const { filter, limit } = options;
  if (options.workers !== "all" && options.workers.length === 0) return { records: [], next: undefined };
  return database.read(async (queries) => {
    const range = await narrowed(queries, options);
    if (range === undefined) return { records: [], next: undefined };
    const records: Positioned[] = [];
    let next: Position | undefined;
    for (let count = 0; count < scansPerPage && records.length < limit; count++) {
      const size = {
        limit: limit - records.length,
        window: Math.min(largestWindow, firstWindow * 4 ** count),
      };
      const scans = [];
      // One after the other: a page takes one connection.
      for (const kind of kindsFor(filter)) {
        scans.push(await scan(queries, kind, from(range, next), filter, size));
      }
      const merged = merge(scans, options.order, size.limit);
      records.push(...merged.found);
      next = merged.end;
      if (next === undefined) break;
    }
    return { records, next };
  });
}

function from(range: ScanRange, next: Position | undefined): ScanRange {
  if (next === undefined) return range;
  return range.order === "oldest-first" ? { ...range, after: next } : { ...range, before: next };
}

/** Puts what was found in two tables in order, as far as both were looked at. */
export function merge(scans: readonly Scan[], order: ScanRange["order"], limit: number): Scan {
  const sign = order === "oldest-first" ? 1 : -1;
  const compare = (a: Position, b: Position) => sign * comparePositions(a, b);
  const ends = scans.flatMap(({ end }) => (end === undefined ? [] : [end]));
  const end = ends.reduce<Position | undefined>(
    (nearest, other) => (nearest === undefined || compare(other, nearest) < 0 ? other : nearest),
    undefined,
  );
  const found = scans
    .flatMap((one) => one.found)
    .filter(({ position }) => end === undefined || compare(position, end) <= 0)
    .sort((a, b) => compare(a.position, b.position));
  if (found.length <= limit) return { found, end };
  const cut = found.slice(0, limit);
  return { found: cut, end: cut.at(-1)?.position };
}

/**
 * The range with bounds of positions for those of time: the statistics know where each minute's records are. Undefined
 * when there are none.
 */
async function narrowed(queries: Queries, range: ScanRange): Promise<ScanRange | undefined> {
  const { workers, from, to } = range;
  if (from === undefined && to === undefined) return range;
  const { rows } = await sql<{ first: number | null; last: number | null }>`
    select min(first_position) as first, max(last_position) as last from worker_stats
    where ${workers === "all" ? sql`true` : sql`worker_id = any(${[...workers]}::uuid[])`}
      and minute >= ${new Date(minuteOf(from ?? 0)).toISOString()}::timestamptz
      ${to === undefined ? sql`` : sql`and minute < ${new Date(to).toISOString()}::timestamptz`}
  `.execute(queries);
  const { first = null, last = null } = rows[0] ?? {};
  if (first === null || last === null) return undefined;
  return {
    ...range,
    after: later(range.after, { batch: first, index: -1 }),
    before: earlier(range.before, endOf(last)),
  };
}

const later = (a: Position | undefined, b: Position) =>
  a !== undefined && comparePositions(a, b) > 0 ? a : b;
const earlier = (a: Position | undefined, b: Position) =>
  a !== undefined && comparePositions(a, b) < 0 ? a : b;

function minuteOf(time: number): number {
  return Math.floor(time / 60_000) * 60_000;
}
