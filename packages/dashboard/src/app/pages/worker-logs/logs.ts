import {
  ChangeDetectionStrategy,
  Component,
  computed,
  type ElementRef,
  effect,
  inject,
  input,
  signal,
  untracked,
  viewChild,
} from "@angular/core";
import { toSignal } from "@angular/core/rxjs-interop";
import { ActivatedRoute, Router } from "@angular/router";
import {
  LucideArrowDown,
  LucideClock,
  LucideDownload,
  LucideEraser,
  LucideListFilter,
  LucideListTree,
  LucidePause,
  LucidePlay,
  LucideRows3,
  LucideWrapText,
  LucideX,
} from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { SingleKeys } from "../../shell/single-keys.ts";
import { Empty } from "../../ui/empty.ts";
import { Toasts } from "../../ui/toasts.ts";
import { WindowList } from "../../ui/window-list.ts";
import { Download } from "./download.ts";
import { type Entry, flat, grouped } from "./entries.ts";
import { Feed, most } from "./feed.ts";
import { filterOf, levels, outcomes, rangeOf, spans, type Wanted } from "./filter.ts";
import { InvocationRow } from "./invocation-row.ts";
import { LineRow } from "./line-row.ts";
import { MoreFilters } from "./more-filters.ts";
import { formatClock, formatDay, shortId, textOf } from "./record.ts";
import { TimeDialog } from "./time-dialog.ts";

const typingMs = 300;

/** Records of a worker, or of all of an account's without one: live, and back to when they are no longer kept. */
@Component({
  selector: "ow-logs",
  imports: [
    Download,
    Empty,
    InvocationRow,
    LineRow,
    LucideArrowDown,
    LucideClock,
    LucideDownload,
    LucideEraser,
    LucideListFilter,
    LucideListTree,
    LucidePause,
    LucidePlay,
    LucideRows3,
    LucideWrapText,
    LucideX,
    MoreFilters,
    TimeDialog,
    WindowList,
  ],
  templateUrl: "./logs.html",
  host: { class: "flex min-h-0 grow flex-col", "(document:keydown)": "key($event)" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Logs {
  /** Of the route. All workers of the account without. */
  readonly worker = input<string>();
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly router = inject(Router);
  private readonly route = inject(ActivatedRoute);
  private readonly toasts = inject(Toasts);
  private readonly singleKeys = inject(SingleKeys);
  private readonly search = viewChild.required<ElementRef<HTMLInputElement>>("search");
  private readonly list = viewChild<WindowList<Entry>>("list");
  private readonly params = toSignal(this.route.queryParams, { initialValue: {} });
  protected readonly wanted = computed(() => this.params() as Wanted & { view?: string; wrap?: string });
  protected readonly levels = levels;
  protected readonly outcomes = Object.entries(outcomes);

  protected readonly filter = computed(() => filterOf(this.wanted()), { equal: same });
  protected readonly range = computed(
    () => {
      const { since, from, to, at } = this.wanted();
      return { since, from, to, at };
    },
    { equal: same },
  );
  protected readonly source = computed(() => ({ worker: this.worker(), account: this.account.query() }), {
    equal: same,
  });
  protected readonly feed = signal<Feed | undefined>(undefined);
  protected readonly byLine = computed(() => this.wanted().view === "lines");
  protected readonly wrap = computed(() => this.wanted().wrap !== undefined);
  protected readonly entries = computed((): readonly Entry[] => {
    const records = this.feed()?.records() ?? [];
    return this.byLine() ? flat(records) : grouped(records);
  });
  protected readonly count = computed(() => this.feed()?.records().length ?? 0);
  protected readonly atEnd = signal(true);
  protected readonly expanded = signal<ReadonlySet<string>>(new Set());
  protected readonly open = signal<"time" | "filters" | "download" | undefined>(undefined);
  protected readonly filtered = computed(() => Object.keys(this.filter()).length > 0);
  protected readonly rangeText = computed(() => {
    const { since, from, to, at } = this.range();
    const say = (text: string) =>
      `${formatDay(Date.parse(text))}, ${formatClock(Date.parse(text)).slice(0, 8)}`;
    if (at !== undefined) return `At ${say(at)}`;
    if (to !== undefined) return from === undefined ? `Until ${say(to)}` : `${say(from)} – ${say(to)}`;
    if (from !== undefined) return `Since ${say(from)}`;
    return spans[since as keyof typeof spans]?.text ?? "Live";
  });
  /** What narrows beyond what has a control of its own. */
  protected readonly chips = computed(() => {
    const { request, version, status } = this.wanted();
    return [
      ...(request ? [{ name: "request" as const, text: `Request ${shortId(request)}` }] : []),
      ...(version ? [{ name: "version" as const, text: `Version ${version}` }] : []),
      ...(status ? [{ name: "status" as const, text: `Status ${status}` }] : []),
    ];
  });
  protected readonly most = most;
  protected readonly keyOf = (entry: Entry) => entry.key;
  private typing: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    effect((onCleanup) => {
      const { source, filter, range } = { source: this.source(), filter: this.filter(), range: this.range() };
      const feed = new Feed(this.client, { source, filter, range: rangeOf(range, Date.now()) });
      onCleanup(() => feed[Symbol.dispose]());
      untracked(() => {
        this.expanded.set(new Set());
        this.atEnd.set(range.at === undefined);
        this.feed.set(feed);
        feed.start();
      });
    });
    // A list shorter than its box is at its start without anybody scrolling.
    effect(() => {
      const feed = this.feed();
      if (feed?.older().kind === "more" && this.entries().length < 40 && feed.settled()) {
        untracked(() => void this.older());
      }
    });
    // Somebody who reads further up must not have it taken from under their eyes.
    effect(() => {
      if (!this.atEnd() && this.count() > most - 1_000) untracked(() => this.feed()?.pause());
    });
    // Once, to the moment that was asked for.
    effect(() => {
      const at = this.range().at;
      const list = this.list();
      const feed = this.feed();
      if (at === undefined || list === undefined || feed === undefined || !feed.settled()) return;
      const time = Date.parse(at);
      untracked(() => {
        if (this.#jumpedIn === feed) return;
        this.#jumpedIn = feed;
        const entry = this.entries().find((each) => each.time >= time);
        if (entry !== undefined) list.toRow(entry.key);
      });
    });
  }

  #jumpedIn: Feed | undefined;
  #emptyPages = 0;

  /** Changes what the address says; what is null goes. */
  protected set(
    change: { readonly [Name in keyof Wanted | "view" | "wrap"]?: string | null },
    replace = false,
  ): void {
    void this.router.navigate([], {
      relativeTo: this.route,
      queryParams: Object.fromEntries(Object.entries(change).map(([name, value]) => [name, value || null])),
      queryParamsHandling: "merge",
      replaceUrl: replace,
    });
  }

  protected type(text: string): void {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.set({ q: text.trim() }, true), typingMs);
  }

  protected remove(name: "request" | "version" | "status"): void {
    this.set({ [name]: null });
  }

  protected resetFilters(): void {
    this.set({ level: null, outcome: null, status: null, q: null, request: null, version: null });
  }

  /** What was before, unless a filter found nothing there twice: then somebody asks for it. */
  protected async older(asked = false): Promise<void> {
    const feed = this.feed();
    if (feed === undefined) return;
    if (asked) this.#emptyPages = 0;
    else if (feed.older().kind !== "more" || this.#emptyPages > 1) return;
    const before = feed.records().length;
    await feed.loadOlder();
    this.#emptyPages = feed.records().length === before ? this.#emptyPages + 1 : 0;
  }

  protected newer(): void {
    if (this.feed()?.newer().kind === "more") void this.feed()?.loadNewer();
  }

  /** Goes on further back than a page holds. */
  protected jumpToFirst(): void {
    const first = this.feed()?.records()[0];
    if (first !== undefined)
      this.set({ at: new Date(first.time).toISOString(), since: null, from: null, to: null });
  }

  protected toggle(key: string): void {
    this.expanded.update((keys) => {
      const changed = new Set(keys);
      if (!changed.delete(key)) changed.add(key);
      return changed;
    });
  }

  protected pauseOrResume(): void {
    const feed = this.feed();
    if (feed?.paused() === true) {
      feed.resume();
      this.list()?.toEnd();
    } else feed?.pause();
  }

  protected key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (!(target instanceof HTMLElement) || target.closest("input, textarea, select, dialog") !== null)
      return;
    if (event.key === "/" && this.singleKeys.on()) {
      event.preventDefault();
      this.search().nativeElement.focus();
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#step(event, event.key === "ArrowDown");
    if (event.key === "c") {
      const row = target.closest("[data-row]")?.getAttribute("data-row");
      const entry = this.entries().find(({ key }) => key === row);
      if (entry !== undefined) void this.copy(entry);
    }
  }

  /** From one row's button to the next. */
  #step(event: KeyboardEvent, down: boolean): void {
    const row = (event.target as HTMLElement).closest("[data-row]");
    const next = down ? row?.nextElementSibling : row?.previousElementSibling;
    const button = next?.querySelector<HTMLElement>("button");
    if (button == null) return;
    event.preventDefault();
    button.focus();
  }

  protected async copy(entry: Entry): Promise<void> {
    const records =
      entry.kind === "line" ? [entry.record] : [...entry.lines, ...(entry.record ? [entry.record] : [])];
    try {
      await navigator.clipboard.writeText(records.map(textOf).join("\n"));
      this.toasts.done("Copied.");
    } catch {
      // Browsers refuse it on plain HTTP from another machine.
      this.toasts.failed("The browser does not let this page copy. Select the text and copy it.");
    }
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
