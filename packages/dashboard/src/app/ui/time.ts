import { ChangeDetectionStrategy, Component, computed, inject, input } from "@angular/core";
import { Clock } from "./clock.ts";

const units = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;
const relative = new Intl.RelativeTimeFormat(undefined, { style: "short" });
/** Says "yesterday" and "tomorrow"; of months it would say "next mo.". */
const daily = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** "5 min. ago", "in 2 hr.", "just now" for less than a minute. */
export function formatRelative(time: number, now: number): string {
  const seconds = Math.round((time - now) / 1_000);
  for (const [unit, length] of units) {
    if (Math.abs(seconds) < length) continue;
    return (unit === "day" ? daily : relative).format(Math.trunc(seconds / length), unit);
  }
  return seconds > 5 ? "in a moment" : "just now";
}

/** A moment as the reader's distance from it, with the exact one in their zone on hover. */
@Component({
  selector: "ow-time",
  template: `<time [attr.datetime]="iso()" [title]="title()">{{ text() }}</time>`,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Time {
  /** ISO 8601, or Unix milliseconds. */
  readonly value = input.required<string | number>();
  private readonly clock = inject(Clock);
  private readonly at = computed(() => new Date(this.value()));
  protected readonly iso = computed(() => this.at().toISOString());
  protected readonly title = computed(() => exact.format(this.at()));
  protected readonly text = computed(() => {
    // The clock only ticks: what came to be since its last tick is not ahead.
    const now = Math.max(this.clock.now(), Date.now());
    return formatRelative(this.at().getTime(), now);
  });
}
