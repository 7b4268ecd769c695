import type { BucketId, ListEntry, ListEntryName, ListOptions, ObjectList } from "@openworkers/core";
import { type RawBuilder, sql } from "kysely";
import type { Queries } from "../database.ts";
import { type ObjectRow, objectOf } from "./objects.ts";

/** The last character of all: what starts with a prefix comes before the prefix and this, but for what has it too. */
const lastCharacter = "\u{10FFFF}";

/** A page of a bucket's objects. Its work grows with the entries of the page, not with the keys behind a prefix. */
export async function listObjects(
  queries: Queries,
  bucketId: BucketId,
  { prefix, delimiter, after, limit }: ListOptions,
): Promise<ObjectList> {
  const within = sql`bucket_id = ${bucketId} and key >= ${prefix} and starts_with(key, ${prefix})`;
  const rows =
    delimiter === undefined || delimiter === ""
      ? await plainPage(queries, within, after, limit + 1)
      : await groupedPage(queries, { bucketId, prefix, delimiter, within, after, count: limit + 1 });
  return { entries: rows.slice(0, limit), more: rows.length > limit };
}

/** What comes after an entry. */
function beyond(after: ListEntryName | undefined): RawBuilder<unknown> {
  if (after === undefined) return sql`true`;
  if ("key" in after) return sql`key > ${after.key}`;
  return sql`(key > ${after.prefix + lastCharacter} and not starts_with(key, ${after.prefix}))`;
}

async function plainPage(
  queries: Queries,
  within: RawBuilder<unknown>,
  after: ListEntryName | undefined,
  count: number,
): Promise<ListEntry[]> {
  const { rows } = await sql<ObjectRow>`
    select * from storage_objects where ${within} and ${beyond(after)} order by key limit ${count}`.execute(
    queries,
  );
  return rows.map((row) => ({ object: objectOf(row) }));
}

interface GroupedPage {
  readonly bucketId: BucketId;
  readonly prefix: string;
  readonly delimiter: string;
  readonly within: RawBuilder<unknown>;
  readonly after: ListEntryName | undefined;
  readonly count: number;
}

async function groupedPage(
  queries: Queries,
  { bucketId, prefix, delimiter, within, after, count }: GroupedPage,
): Promise<ListEntry[]> {
  // Each step finds the first key after the last entry: one look into the index, however many keys a group has.
  const start = sql`length(${prefix}::text) + 1`;
  const found = sql`strpos(substr(key, ${start}), ${delimiter})`;
  const grouped = sql`case when ${found} > 0
    then left(key, ${start} + ${found} - 2 + length(${delimiter}::text)) end as grouped`;
  const { rows } = await sql<ObjectRow & { entry: string; grouped: string | null }>`
    with recursive page (key, grouped) as (
      (select key, ${grouped} from storage_objects where ${within} and ${beyond(after)} order by key limit 1)
      union all
      select next.key, next.grouped from page, lateral (
        select key, ${grouped} from storage_objects
        where ${within}
          and key > case when page.grouped is null then page.key else page.grouped || ${lastCharacter} end
          and (page.grouped is null or not starts_with(key, page.grouped))
        order by key limit 1
      ) as next
    ), entries as materialized (select key as entry, grouped from page limit ${count})
    select entry, grouped, object.* from entries
      left join storage_objects as object
        on grouped is null and object.bucket_id = ${bucketId} and object.key = entry
    order by entry collate "C"`.execute(queries);
  return rows.map(
    ({ entry, grouped, ...row }): ListEntry =>
      grouped === null ? { object: objectOf({ ...row, key: entry }) } : { prefix: grouped },
  );
}
