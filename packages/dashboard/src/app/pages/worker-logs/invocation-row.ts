import { ChangeDetectionStrategy, Component, computed, inject, input, output, resource } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideChevronRight } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { messageOf as failureOf } from "../../api/failure.ts";
import { gradeOf, type Invocation, merged, tellingLine } from "./entries.ts";
import {
  formatClock,
  formatExact,
  formatMs,
  messageOf,
  type SeenInvocation,
  type SeenLine,
  textOf,
  whatOf,
} from "./record.ts";
import { RecordFacts } from "./record-facts.ts";
import { readPage } from "./source.ts";
import { StatusBadge } from "./status-badge.ts";

/** Lines that are shown in the row; more have a page of their own. */
const linesShown = 100;

const colors: Readonly<Record<string, string>> = {
  error: "text-bad",
  warn: "text-warn",
  info: "text-accent",
};

/** An invocation as a row; opened, with its record and its lines. */
@Component({
  selector: "ow-invocation-row",
  imports: [LucideChevronRight, RecordFacts, RouterLink, StatusBadge],
  templateUrl: "./invocation-row.html",
  host: { class: "block" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class InvocationRow {
  readonly of = input.required<Invocation>();
  /** Whether the worker is named: where there are several. */
  readonly named = input(false);
  readonly wrap = input(false);
  /** A filter keeps back what else belongs to it. */
  readonly partial = input(false);
  readonly expanded = input(false);
  readonly toggled = output<void>();
  private readonly client = inject(Api);
  protected readonly ms = formatMs;
  protected readonly messageOf = messageOf;
  protected readonly clockOf = formatClock;

  /** All of it, where a filter or the page's first record cut it off. */
  protected readonly whole = resource({
    params: () => {
      const { requestId, workerId, record } = this.of();
      const wanted = this.expanded() && (this.partial() || record === undefined);
      return wanted ? { requestId, workerId, ended: record?.position } : undefined;
    },
    loader: ({ params: { requestId, workerId }, abortSignal }) =>
      readPage(
        this.client,
        { worker: workerId, account: {} },
        { requestId, order: "oldest-first", limit: linesShown + 50 },
        abortSignal,
      ),
  });
  protected readonly failure = computed(() => {
    const thrown = this.whole.error();
    return thrown === undefined ? undefined : failureOf(thrown);
  });
  private readonly known = computed(() => {
    const { record, lines } = this.of();
    const own = record === undefined ? lines : [...lines, record];
    return merged(own, this.whole.hasValue() ? this.whole.value().records : []);
  });
  protected readonly record = computed(
    () => this.of().record ?? this.known().find((each): each is SeenInvocation => each.kind === "invocation"),
  );
  private readonly lines = computed(() =>
    this.known().filter((each): each is SeenLine => each.kind === "line"),
  );
  protected readonly shownLines = computed(() => this.lines().slice(0, linesShown));
  protected readonly hidden = computed(() => this.lines().length - this.shownLines().length);
  protected readonly grade = computed(() => gradeOf(this.of()));
  protected readonly clock = computed(() => formatClock(this.of().time));
  protected readonly exact = computed(() => formatExact(this.of().time));
  protected readonly iso = computed(() => new Date(this.of().time).toISOString());
  protected readonly what = computed(() => {
    const record = this.record();
    return record === undefined ? `Request ${this.of().requestId.slice(-8)}` : whatOf(record);
  });
  protected readonly telling = computed(() => {
    const line = tellingLine(this.of());
    return line === undefined
      ? undefined
      : { text: messageOf(line), color: colors[line.level] ?? "text-muted" };
  });
  protected readonly text = computed(() => this.known().map(textOf).join("\n"));

  protected color(line: SeenLine): string {
    return colors[line.level] ?? "text-muted";
  }
}
