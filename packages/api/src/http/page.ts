import { z } from "@hono/zod-openapi";
import { OpenWorkersError } from "@openworkers/core";

/** What every list takes. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50).openapi({ description: "Items of one page." }),
  cursor: z
    .string()
    .max(4_096)
    .optional()
    .openapi({ description: "Where the page begins: `nextCursor` of the page before." }),
});

/** Which page is asked for. */
export type PageQuery = z.output<typeof pageQuery>;

export interface Page<Item> {
  readonly items: Item[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** The schema of a page of `item`s. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().openapi({ description: "Null on the last page." }),
  });
}

/** A cursor after an item with this key. */
export function cursorAfter(key: string | number): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** The key in a cursor; undefined without one. @throws OpenWorkersError INVALID_INPUT when it is none of ours */
export function keyOf<Key extends z.ZodType>(
  schema: Key,
  cursor: string | undefined,
): z.output<Key> | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "cursor: it is none that a page came with.", {
      cause,
      details: { issues: [{ path: "cursor", message: "is none that a page came with", in: "query" }] },
    });
  }
}

/** A page of what was asked for with one item more than the page may have. */
export function page<Item>(
  rows: readonly Item[],
  { limit }: PageQuery,
  key: (item: Item) => string | number,
): Page<Item> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? cursorAfter(key(last)) : null };
}

/** A page of a list that is short enough to be read as a whole, in the order of its unique keys. */
export function pageOfAll<Item>(
  all: readonly Item[],
  query: PageQuery,
  key: (item: Item) => string,
): Page<Item> {
  const after = keyOf(z.string(), query.cursor);
  const sorted = all.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  const rest = after === undefined ? sorted : sorted.filter((item) => key(item) > after);
  return page(rest.slice(0, query.limit + 1), query, key);
}
