import { linkedSignal, type Resource, resource, signal } from "@angular/core";
import type { Page } from "@openworkers/client";

export interface GrowingListOptions<Params, Item> {
  /** As a resource's: when they change, the list begins anew. */
  readonly params: () => Params;
  readonly read: (
    params: Params,
    page: { readonly cursor?: string },
    signal: AbortSignal | undefined,
  ) => Promise<Page<Item>>;
}

/**
 * A list that is read page by page, as the reader asks for more. Make it where a resource can be made.
 *
 * @example
 * const log = growingList({ params: () => filter(), read: (filter, page, signal) => client.data(client.api.GET(…)) });
 */
export function growingList<Params, Item>(
  options: GrowingListOptions<Params, Item>,
): GrowingList<Params, Item> {
  return new GrowingList(options);
}

export class GrowingList<Params, Item> {
  /** Its first page: for `ow-load`. */
  readonly first: Resource<Page<Item> | undefined> & { reload(): boolean };
  /** Everything that has been read. */
  readonly items;
  readonly hasMore;
  readonly loadingMore = signal(false);
  /** Why the page after the last could not be read. */
  readonly failure = signal<unknown>(undefined);
  readonly #cursor;
  readonly #options: GrowingListOptions<Params, Item>;

  constructor(options: GrowingListOptions<Params, Item>) {
    this.#options = options;
    const first = resource({
      params: options.params as () => Params & {},
      loader: ({ params, abortSignal }) => options.read(params, {}, abortSignal),
    });
    this.first = first;
    const value = () => (first.hasValue() ? first.value() : undefined);
    this.items = linkedSignal<readonly Item[]>(() => value()?.items ?? []);
    this.#cursor = linkedSignal<string | null>(() => value()?.nextCursor ?? null);
    this.hasMore = () => this.#cursor() !== null;
  }

  /** Reads the next page, unless it is being read. */
  async more(): Promise<void> {
    const cursor = this.#cursor();
    if (cursor === null || this.loadingMore()) return;
    const params = this.#options.params();
    this.loadingMore.set(true);
    this.failure.set(undefined);
    try {
      const page = await this.#options.read(params, { cursor }, undefined);
      // The list may have begun anew meanwhile.
      if (this.#cursor() !== cursor) return;
      this.items.update((items) => [...items, ...page.items]);
      this.#cursor.set(page.nextCursor);
    } catch (thrown) {
      this.failure.set(thrown);
    } finally {
      this.loadingMore.set(false);
    }
  }

  reload(): void {
    this.first.reload();
  }
}
