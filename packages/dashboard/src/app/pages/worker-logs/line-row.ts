import { ChangeDetectionStrategy, Component, computed, input, output } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideChevronRight } from "@lucide/angular";
import { Copy } from "../../ui/copy.ts";
import {
  formatClock,
  formatExact,
  formatMs,
  messageOf,
  type Seen,
  shortId,
  textOf,
  whatOf,
} from "./record.ts";
import { RecordFacts } from "./record-facts.ts";
import { StatusBadge } from "./status-badge.ts";

const colors: Readonly<Record<string, string>> = {
  error: "text-bad",
  warn: "text-warn",
  info: "text-accent",
  debug: "text-muted",
  trace: "text-muted",
  log: "text-muted",
};

/** One record as a row: a line, or the record of an invocation; opened, with its stack and all that is known. */
@Component({
  selector: "ow-line-row",
  imports: [Copy, LucideChevronRight, RecordFacts, RouterLink, StatusBadge],
  template: `
    @let record = of();
    <div
      class="group flex items-start gap-x-2 border-b border-line/60 px-2 py-0.5 font-mono text-[12px] leading-5 hover:bg-hover"
      [class.bg-bad-soft]="bad()"
    >
      <button
        type="button"
        class="mt-0.5 shrink-0 rounded text-muted hover:text-text"
        [attr.aria-expanded]="expanded()"
        [attr.aria-label]="'Details: ' + text()"
        (click)="toggled.emit()"
      >
        <svg lucideChevronRight size="14" [class.rotate-90]="expanded()"></svg>
      </button>
      <time class="shrink-0 text-muted tabular-nums" [attr.datetime]="iso()" [title]="exact()">{{ clock() }}</time>
      @if (record.kind === "line") {
        <span class="w-11 shrink-0 uppercase" [class]="color()">{{ record.level }}</span>
      } @else {
        <ow-status-badge class="min-w-11 shrink-0" [of]="record" />
      }
      @if (named()) {
        <a class="link max-w-28 shrink-0 truncate" [routerLink]="['/workers', record.worker, 'logs']">{{ record.worker }}</a>
      }
      <span class="shrink-0 text-muted max-sm:hidden" title="The request's id">{{ id() }}</span>
      <span class="min-w-0 grow" [class]="wrap() ? 'break-words whitespace-pre-wrap' : 'truncate'">{{ text() }}</span>
      @if (record.kind === "invocation") {
        <span class="shrink-0 text-muted tabular-nums max-sm:hidden">{{ ms(record.wallMs) }}</span>
      }
      <ow-copy class="-my-1 shrink-0 opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 max-sm:hidden" [text]="whole()" label="Copy the line" />
    </div>
    @if (expanded()) {
      <div class="border-b border-line bg-sunken px-4 py-3 sm:pl-8">
        @if (record.kind === "line") {
          <pre class="max-h-96 overflow-auto font-mono text-[12px] leading-5 break-words whitespace-pre-wrap" tabindex="0" aria-label="Message">{{ stack() }}</pre>
        }
        <ow-record-facts [of]="record" [copied]="whole()" />
      </div>
    }
  `,
  host: { class: "block" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class LineRow {
  readonly of = input.required<Seen>();
  /** Whether the worker is named: where there are several. */
  readonly named = input(false);
  readonly wrap = input(false);
  readonly expanded = input(false);
  readonly toggled = output<void>();
  protected readonly ms = formatMs;
  protected readonly id = computed(() => shortId(this.of().requestId) || "--------");
  protected readonly clock = computed(() => formatClock(this.of().time));
  protected readonly exact = computed(() => formatExact(this.of().time));
  protected readonly iso = computed(() => new Date(this.of().time).toISOString());
  protected readonly bad = computed(() => {
    const record = this.of();
    return record.kind === "line" && record.level === "error";
  });
  protected readonly color = computed(() => {
    const record = this.of();
    return record.kind === "line" ? (colors[record.level] ?? "text-muted") : "";
  });
  protected readonly text = computed(() => {
    const record = this.of();
    return record.kind === "line" ? messageOf(record) : whatOf(record);
  });
  /** With the frames of an exception: in the worker's own source, where it came with a source map. */
  protected readonly stack = computed(() => {
    const record = this.of();
    if (record.kind !== "line") return "";
    return record.exception?.stack || messageOf(record);
  });
  protected readonly whole = computed(() => textOf(this.of()));
}
