/** A page of a list, as the API answers. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Largest page that the API gives. */
export const pageSize = 100;

/**
 * Every item of a list, read page by page as they are taken.
 *
 * @example
 * for await (const worker of itemsOf((page) => client.get("/v1/workers", { params: { query: page } }))) …
 */
export async function* itemsOf<Item>(
  read: (page: { readonly limit: number; readonly cursor?: string }) => Promise<Page<Item>>,
  limit = pageSize,
): AsyncGenerator<Item, void> {
  let cursor: string | null | undefined;
  do {
    const page: Page<Item> = await read(cursor == null ? { limit } : { limit, cursor });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/** Every item of a list, at once. For lists that are known to be short. */
export async function allOf<Item>(read: Parameters<typeof itemsOf<Item>>[0]): Promise<Item[]> {
  return await Array.fromAsync(itemsOf(read));
}
