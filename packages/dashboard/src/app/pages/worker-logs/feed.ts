import { computed, signal } from "@angular/core";
import type { ApiClient } from "@openworkers/client";
import { messageOf } from "../../api/failure.ts";
import type { Filter, Range } from "./filter.ts";
import { comparePositions, justAfter, type Seen } from "./record.ts";
import { follow, iso, type PageQuery, readPage, type Source } from "./source.ts";

/** How the feed stands towards the platform. */
export type Connection =
  | { readonly kind: "connecting" | "live" | "stored" }
  | { readonly kind: "lost" | "slow" | "failed"; readonly why: string };

/** What is beyond one end of what is shown. */
export type Beyond =
  | { readonly kind: "unknown" | "more" | "loading" | "none" | "cleared" | "full" }
  | { readonly kind: "failed"; readonly why: string };

export interface Wish {
  readonly source: Source;
  readonly filter: Filter;
  readonly range: Range;
}

const begin = 200;
const pageSize = 500;
/** As many as a page holds; what is older is let go, and can be loaded again. */
export const most = 10_000;
/** Let go at a time. */
const slack = 1_000;
/** What comes is shown so often; a reader sees no difference, and a flood costs little. */
const flushMs = 100;

/**
 * The records that a page shows: those that were, those that come, and what was before when it is asked for. In the order
 * of their positions, without gap and without duplicate.
 */
export class Feed implements Disposable {
  readonly records = signal<readonly Seen[]>([]);
  readonly connection = signal<Connection>({ kind: "connecting" });
  readonly older = signal<Beyond>({ kind: "unknown" });
  readonly newer = signal<Beyond>({ kind: "none" });
  readonly paused = signal(false);
  /** Came while paused. */
  readonly waiting = signal(0);
  /** The first look has ended: what is not there, is not. */
  readonly settled = computed(() => {
    const { kind } = this.connection();
    return kind !== "connecting" && this.older().kind !== "unknown" && this.older().kind !== "loading";
  });
  readonly #client: ApiClient;
  readonly #wish: Wish;
  /** Ends with the page. */
  readonly #life = new AbortController();
  /** Ends the stream that is followed. */
  #stop = new AbortController();
  /** Came, and is not shown yet. */
  #pending: Seen[] = [];
  #flushing: ReturnType<typeof setTimeout> | undefined;
  /** The last that came, shown or not. */
  #last: string | undefined;
  #before: string | undefined;
  #after: string | undefined;
  /** While it was paused, more came than is kept. */
  #torn = false;

  constructor(client: ApiClient, wish: Wish) {
    this.#client = client;
    this.#wish = wish;
  }

  start(): void {
    const { range } = this.#wish;
    if (range.kind === "live") void this.#follow({ history: String(begin) });
    else if (range.kind === "between") void this.#between();
    else void this.#around(range.at);
  }

  /** Follows on from the last that was seen, after the platform let go or could not be reached. */
  again(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    const { range } = this.#wish;
    if (this.#last !== undefined) void this.#follow({ after: this.#last });
    else if (range.kind === "live") void this.#follow({ history: String(begin) });
    else this.start();
  }

  [Symbol.dispose](): void {
    this.#life.abort();
    clearTimeout(this.#flushing);
  }

  pause(): void {
    this.#flush();
    this.paused.set(true);
  }

  resume(): void {
    this.paused.set(false);
    this.#flush();
  }

  clear(): void {
    this.#pending = [];
    this.waiting.set(0);
    this.records.set([]);
    this.#before = this.#last === undefined ? undefined : justAfter(this.#last);
    this.older.set({ kind: "cleared" });
  }

  /** What was before the first that is shown. */
  async loadOlder(): Promise<void> {
    const { kind } = this.older();
    if (!["more", "failed", "cleared"].includes(kind)) return;
    if (this.records().length + pageSize > most) return this.older.set({ kind: "full" });
    this.older.set({ kind: "loading" });
    const { range } = this.#wish;
    const from = range.kind === "at" ? undefined : range.from;
    const to = this.#before === undefined && range.kind === "between" ? { to: iso(range.to) } : {};
    try {
      const page = await this.#page({
        ...(from === undefined ? {} : { from: iso(from) }),
        ...to,
        ...(this.#before === undefined ? {} : { before: this.#before }),
        ...{ order: "newest-first", limit: pageSize },
      });
      this.#prepend(page.records);
      this.#before = page.next ?? this.#before;
      this.older.set({ kind: page.next === null ? "none" : "more" });
    } catch (thrown) {
      this.#failed(thrown, (why) => this.older.set({ kind: "failed", why }));
    }
  }

  /** What comes after the last that is shown, of what is stored; at its end what comes is followed. */
  async loadNewer(): Promise<void> {
    if (!["more", "failed"].includes(this.newer().kind)) return;
    this.newer.set({ kind: "loading" });
    try {
      const page = await this.#page({
        ...(this.#after === undefined ? {} : { after: this.#after }),
        ...{ order: "oldest-first", limit: pageSize },
      });
      this.#append(page.records);
      this.#after = page.next ?? this.#after;
      this.newer.set({ kind: page.next === null ? "none" : "more" });
      if (page.next === null) this.again();
    } catch (thrown) {
      this.#failed(thrown, (why) => this.newer.set({ kind: "failed", why }));
    }
  }

  async #follow(where: { history?: string; since?: string; after?: string }): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, this.#life.signal]);
    this.connection.set({ kind: "connecting" });
    try {
      const records = follow(this.#client, this.#wish.source, {
        query: { ...this.#wish.filter, ...where },
        signal,
        onConnected: () => {
          this.connection.set({ kind: "live" });
          // What was stored comes with the stream's beginning: what is before it is asked for after that.
          if (this.older().kind === "unknown") setTimeout(() => this.#begun(), flushMs);
        },
        onLost: (why) => this.connection.set({ kind: "lost", why }),
      });
      for await (const record of records) this.#came(record);
    } catch (thrown) {
      this.#failed(thrown, (why, slow) => {
        this.#flush();
        this.connection.set({ kind: slow ? "slow" : "failed", why });
      });
    }
  }

  #begun(): void {
    if (!this.paused()) this.#flush();
    if (this.older().kind === "unknown") this.older.set({ kind: "more" });
  }

  async #between(): Promise<void> {
    this.connection.set({ kind: "stored" });
    this.older.set({ kind: "more" });
    await this.loadOlder();
  }

  async #around(at: number): Promise<void> {
    this.connection.set({ kind: "connecting" });
    try {
      const [before, after] = await Promise.all([
        this.#page({ to: iso(at), order: "newest-first", limit: begin }),
        this.#page({ from: iso(at), order: "oldest-first", limit: begin }),
      ]);
      this.records.set([...before.records.toReversed(), ...after.records]);
      this.#last = this.records().at(-1)?.position;
      this.#before = before.next ?? undefined;
      this.#after = after.next ?? undefined;
      this.connection.set({ kind: "stored" });
      this.older.set({ kind: before.next === null ? "none" : "more" });
      this.newer.set({ kind: after.next === null ? "none" : "more" });
      if (after.next === null)
        await this.#follow(this.#last === undefined ? { since: iso(at) } : { after: this.#last });
    } catch (thrown) {
      this.#failed(thrown, (why) => this.connection.set({ kind: "failed", why }));
    }
  }

  #came(record: Seen): void {
    if (this.#last !== undefined && comparePositions(record.position, this.#last) <= 0) return;
    this.#last = record.position;
    const { range } = this.#wish;
    // The stream begins with the last so many, however old.
    if (range.kind === "live" && range.from !== undefined && record.time < range.from) return;
    this.#pending.push(record);
    if (this.#pending.length > most + slack) {
      this.#pending.splice(0, slack);
      this.#torn = true;
    }
    this.#flushing ??= setTimeout(() => {
      this.#flushing = undefined;
      if (this.paused()) this.waiting.set(this.#pending.length);
      else this.#flush();
    }, flushMs);
  }

  #flush(): void {
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    this.waiting.set(0);
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    // Between what was shown and what is kept there is a gap: it can be loaded, from its end.
    if (this.#torn) this.records.set([]);
    this.#append(pending, this.#torn);
    this.#torn = false;
  }

  #append(came: readonly Seen[], torn = false): void {
    const shown = this.records();
    const end = shown.at(-1)?.position;
    // What was loaded meanwhile may have come as well.
    const records =
      end === undefined ? came : came.filter(({ position }) => comparePositions(position, end) > 0);
    if (records.length === 0) return;
    const all = [...shown, ...records];
    const last = all.at(-1)?.position;
    if (this.#last === undefined || (last !== undefined && comparePositions(last, this.#last) > 0))
      this.#last = last;
    const over = all.length - most;
    const kept = over > 0 ? all.slice(over + slack) : all;
    if (this.#before === undefined || over > 0 || torn) {
      this.#before = kept[0]?.position;
      if (over > 0 || torn) this.older.set({ kind: "more" });
    }
    this.records.set(kept);
  }

  /** @param newest newest first, as they were read */
  #prepend(newest: readonly Seen[]): void {
    const first = this.records()[0]?.position;
    const before = newest
      .toReversed()
      .filter(({ position }) => first === undefined || comparePositions(position, first) < 0);
    this.#last ??= before.at(-1)?.position;
    if (before.length > 0) this.records.update((records) => [...before, ...records]);
  }

  #page(query: PageQuery) {
    return readPage(this.#client, this.#wish.source, { ...this.#wish.filter, ...query }, this.#life.signal);
  }

  #failed(thrown: unknown, tell: (why: string, slow: boolean) => void): void {
    if (this.#life.signal.aborted) return;
    const slow =
      thrown instanceof Error &&
      "code" in thrown &&
      thrown.code === "OVERLOADED" &&
      !("httpStatus" in thrown);
    tell(messageOf(thrown), slow);
  }
}
