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

/** Rows that one statement looks at, at most, for those that fit a filter which no index knows. */
export const windowRows = 20_000;

/**
 * Up to `limit` records of one kind, in order, from the start of `range`. Looks at `windowRows` at most: with a filter
 * that few fit, it returns fewer, and says how far it came.
 */
export async function scan(
  queries: Queries,
  kind: Kind,
  range: ScanRange,
  filter: LogFilter,
  limit: number,
): Promise<Scan> {
  const { rows } = await scanStatement(kind, range, filter, limit).execute(queries);
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
  limit: number,
): RawBuilder<Row & { looked: number; most: number; end_position: number; end_index: number }> {
  const { indexed, others } = conditionsFor(kind, filter);
  const most = others.length === 0 ? limit : Math.max(limit, windowRows);
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
