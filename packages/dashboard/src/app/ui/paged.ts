import { computed, effect, signal, untracked } from "@angular/core";
import type { Page } from "@openworkers/client";
import { messageOf } from "../api/failure.ts";

/** Asks for a page: after `cursor`, or the first. */
export type ReadPage<Item> = (cursor: string | undefined, signal: AbortSignal) => Promise<Page<Item>>;

/**
 * A list that is read page by page. It begins anew when a signal that `read` looks at changes, and an answer that comes after
 * that is dropped. Made where Angular injects.
 */
export class Paged<Item> {
  readonly items = signal<readonly Item[]>([]);
  /** A first page, or another, is under way. */
  readonly loading = signal(true);
  readonly failure = signal<string | undefined>(undefined);
  readonly more = computed(() => this.#cursor() !== null);
  /** There is nothing to show, and that is known. */
  readonly empty = computed(
    () => !this.loading() && this.failure() === undefined && this.items().length === 0,
  );
  readonly #cursor = signal<string | null>(null);
  readonly #read: () => ReadPage<Item> | undefined;
  #asked = new AbortController();

  /** @param read looks at signals and returns what asks for a page by them; undefined while there is nothing to ask for */
  constructor(read: () => ReadPage<Item> | undefined) {
    this.#read = read;
    effect(() => {
      const ask = read();
      untracked(() => this.#begin(ask));
    });
  }

  reload(): void {
    this.#begin(untracked(this.#read));
  }

  async next(): Promise<void> {
    const cursor = this.#cursor();
    const ask = untracked(this.#read);
    if (cursor === null || this.loading() || ask === undefined) return;
    await this.#ask(ask, cursor);
  }

  #begin(ask: ReadPage<Item> | undefined): void {
    this.#asked.abort();
    this.#asked = new AbortController();
    this.failure.set(undefined);
    if (ask !== undefined) void this.#ask(ask, undefined);
  }

  async #ask(ask: ReadPage<Item>, cursor: string | undefined): Promise<void> {
    const { signal: stopped } = this.#asked;
    this.loading.set(true);
    this.failure.set(undefined);
    try {
      const page = await ask(cursor, stopped);
      if (stopped.aborted) return;
      this.items.update((items) => (cursor === undefined ? page.items : [...items, ...page.items]));
      this.#cursor.set(page.nextCursor);
    } catch (thrown) {
      if (stopped.aborted) return;
      if (cursor === undefined) this.items.set([]);
      this.failure.set(messageOf(thrown));
    }
    this.loading.set(false);
  }
}
