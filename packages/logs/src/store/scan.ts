import type { WorkerId } from "@openworkers/core";
import type { Queries } from "@openworkers/db";
import { type RawBuilder, sql } from "kysely";
import type { LogFilter } from "../filter.ts";
import type { Position } from "../position.ts";
import type { Positioned } from "../records.ts";
import { conditionsFor, type Kind, type Row, recordOf } from "./scan-rows.ts";

/** Whose records may be read: those of some workers, or everybody's. */
export type Workers = readonly WorkerId[] | "all";

export interface ScanRange {
  readonly workers: Workers;
  /** Exclusive; from the first without. */
  readonly after?: Position | undefined;
  /** Exclusive; to the last without. */
  readonly before?: Position | undefined;
  /** Unix milliseconds, inclusive. */
  readonly from?: number | undefined;
  /** Unix milliseconds, exclusive. */
  readonly to?: number | undefined;
  readonly order: "oldest-first" | "newest-first";
}

export interface Scan {
  readonly found: readonly Positioned[];
  /** What comes beyond was not looked at; undefined when everything was. */
  readonly end: Position | undefined;
}

/**
 * Parameters of the sessions that scan. Every list ends at a limit, in the order of an index: to walk the index is right
 * however many rows there are. By its estimates PostgreSQL would now and then collect all of a range and sort it.
 */
export const scanParameters = { enable_bitmapscan: "off", enable_seqscan: "off" } as const;

export interface ScanSize {
  /** Records to find, at most. */
  readonly limit: number;
  /** Rows to look at, at most, for those that fit a filter which no index knows. */
  readonly window: number;
}

/**
 * Records of one kind, in order, from the start of `range`. With a filter that few fit it returns fewer than there are,
 * and says how far it came.
 */
export async function scan(
  queries: Queries,
  kind: Kind,
  range: ScanRange,
  filter: LogFilter,
  size: ScanSize,
): Promise<Scan> {
  const { limit } = size;
  const { rows } = await scanStatement(kind, range, filter, size).execute(queries);
  const found = rows.flatMap((row) => (row.position === null ? [] : [recordOf(kind, row)]));
  const [first] = rows;
  if (first === undefined) return { found, end: undefined };
  const last = found.at(-1);
  if (last !== undefined && found.length === limit) return { found, end: last.position };
  if (first.looked < first.most) return { found, end: undefined };
  return { found, end: { batch: first.end_position, index: first.end_index } };
}

/** What `scan` executes: for tests that ask PostgreSQL how it goes about it. */
export function scanStatement(
  kind: Kind,
  range: ScanRange,
  filter: LogFilter,
  { limit, window }: ScanSize,
): RawBuilder<Row & { looked: number; most: number; end_position: number; end_index: number }> {
  const { indexed, others } = conditionsFor(kind, filter);
  const most = others.length === 0 ? limit : Math.max(limit, window);
  const oldestFirst = range.order === "oldest-first";
  const order = oldestFirst ? sql`position, index` : sql`position desc, index desc`;
  const reversed = oldestFirst ? sql`position desc, index desc` : sql`position, index`;
  const where = sql.join([...rangeConditions(range), ...indexed, sql`true`], sql` and `);
  return sql`
    with looked_at as materialized (
      select * from ${sql.table(kind)} where ${where} order by ${order} limit ${most}
    )
    select extract(epoch from time) * 1000 as time_ms, fitting.*, ends.*, ${most}::integer as most
    from (
      select (select count(*) from looked_at) as looked, position as end_position, index as end_index
      from looked_at order by ${reversed} limit 1
    ) as ends
    left join lateral (
      select * from looked_at where ${sql.join([...others, sql`true`], sql` and `)} order by ${order} limit ${limit}
    ) as fitting on true
    order by ${order}
  `;
}

function rangeConditions({ workers, after, before, from, to }: ScanRange): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [];
  if (workers !== "all") {
    const [one] = workers;
    // An equality, unlike a list, keeps the index's order.
    conditions.push(
      workers.length === 1 ? sql`worker_id = ${one}::uuid` : sql`worker_id = any(${[...workers]}::uuid[])`,
    );
  }
  if (after !== undefined) {
    conditions.push(sql`(position, index) > (${after.batch}::bigint, ${after.index}::integer)`);
  }
  if (before !== undefined) {
    conditions.push(sql`(position, index) < (${before.batch}::bigint, ${before.index}::integer)`);
  }
  if (from !== undefined) conditions.push(sql`time >= ${new Date(from).toISOString()}::timestamptz`);
  if (to !== undefined) conditions.push(sql`time < ${new Date(to).toISOString()}::timestamptz`);
  return conditions;
}

/** What `filter` asks of invocations beyond what lines have: then no line fits. */
export function kindsFor(filter: LogFilter): readonly Kind[] {
  if (filter.kind === "line")
    return filter.outcome === undefined && filter.status === undefined ? ["logs"] : [];
  if (filter.kind === "invocation" || filter.outcome !== undefined || filter.status !== undefined) {
    return ["invocations"];
  }
  return ["logs", "invocations"];
}
