import { ChangeDetectionStrategy, Component, computed, inject, input, signal } from "@angular/core";
import { Clock } from "../../ui/clock.ts";
import { formatRelative } from "../../ui/time.ts";
import { formatDue, outlookOf, ownZone, zones } from "./words.ts";

/** What an expression means: its words, and when it is due next by the clocks of a chosen time zone. */
@Component({
  selector: "ow-cron-outlook",
  template: `
    @let seen = outlook();
    <p class="min-h-5" aria-live="polite" data-words>
      @if (seen.problem; as text) {
        <span class="text-bad">{{ text }}</span>
      } @else {
        <span class="font-medium">{{ seen.words ?? "There are no words for this one." }}</span>
        <span class="text-muted"> · {{ timezone() }}</span>
      }
    </p>
    <div class="mt-3 flex items-center justify-between gap-3">
      <h3 class="text-[13px] font-medium">Next runs</h3>
      <select class="input w-auto max-w-48 text-[13px]" aria-label="Show times in" [value]="shown()" (change)="shown.set($any($event.target).value)">
        @for (zone of zones; track zone) {
          <option [value]="zone" [selected]="zone === shown()">{{ zone }}</option>
        }
      </select>
    </div>
    <ol class="mt-1 min-h-[8.25rem] text-[13px]">
      @for (run of runs(); track run.time) {
        <li class="flex min-h-[1.65rem] flex-wrap items-center justify-between gap-x-3 border-b border-line last:border-b-0">
          <time class="tabular-nums" [attr.datetime]="run.iso">{{ run.text }}</time>
          <span class="text-muted">{{ run.distance }}</span>
        </li>
      } @empty {
        <li class="text-muted">{{ paused() ? "None while it is paused." : "None." }}</li>
      }
    </ol>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CronOutlook {
  readonly expression = input.required<string>();
  /** The cron's own. */
  readonly timezone = input.required<string>();
  readonly paused = input(false);
  protected readonly shown = signal(ownZone);
  protected readonly zones = zones;
  private readonly clock = inject(Clock);
  protected readonly outlook = computed(() =>
    outlookOf(this.expression(), this.timezone(), this.clock.now()),
  );
  protected readonly runs = computed(() => {
    const zone = this.shown();
    return this.outlook()
      .runs.filter(() => !this.paused())
      .map((time) => ({
        time,
        iso: new Date(time).toISOString(),
        text: formatDue(time, zone),
        distance: formatRelative(time, this.clock.now()),
      }));
  });
}
