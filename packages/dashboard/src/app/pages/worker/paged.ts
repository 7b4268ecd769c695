import { computed, linkedSignal, type ResourceRef, resource, type Signal, signal } from "@angular/core";
import type { Page } from "@openworkers/client";
import { messageOf } from "../../api/failure.ts";

/** A list that is read page by page. */
export interface Paged<Item> {
  /** The first page, for `ow-load`. */
  readonly first: ResourceRef<Page<Item> | undefined>;
  /** What has been read; undefined before the first page. That of earlier parameters until the new ones' is there. */
  readonly items: Signal<readonly Item[] | undefined>;
  readonly hasMore: Signal<boolean>;
  readonly loadingMore: Signal<boolean>;
  /** Why the last page could not be read. */
  readonly failure: Signal<string | undefined>;
  more(): Promise<void>;
  /** Reads the first page again; what came after it goes. */
  reload(): void;
}

/** A list of what `read` gives for `params`. Called where things are injected. */
export function paged<Params, Item>(
  params: () => Params | undefined,
  read: (
    params: Params,
    page: { readonly cursor?: string },
    signal: AbortSignal,
  ) => Promise<Page<Item> | undefined>,
): Paged<Item> {
  const first = resource<Page<Item> | undefined, Params | undefined>({
    params,
    loader: ({ params: given, abortSignal }) => read(given as Params, {}, abortSignal),
  });
  const shown = linkedSignal<Page<Item> | undefined, Page<Item> | undefined>({
    source: () => (first.hasValue() ? first.value() : undefined),
    computation: (page, previous) => page ?? previous?.value,
  });
  const loadingMore = signal(false);
  const failure = signal<string | undefined>(undefined);
  return {
    first,
    items: computed(() => shown()?.items),
    hasMore: computed(() => (shown()?.nextCursor ?? null) !== null),
    loadingMore,
    failure,
    reload: () => void first.reload(),
    async more() {
      const before = shown();
      const given = params();
      if (loadingMore() || given === undefined || before === undefined || before.nextCursor === null) return;
      loadingMore.set(true);
      failure.set(undefined);
      try {
        const page = await read(given, { cursor: before.nextCursor }, new AbortController().signal);
        // Unless something else is shown by now.
        if (page !== undefined && shown() === before) {
          shown.set({ items: [...before.items, ...page.items], nextCursor: page.nextCursor });
        }
      } catch (thrown) {
        failure.set(messageOf(thrown));
      } finally {
        loadingMore.set(false);
      }
    },
  };
}
