import { ChangeDetectionStrategy, Component, input } from "@angular/core";
import type { Cron } from "./cron-acts.ts";

/** Whether a cron is on, as a badge. */
@Component({
  selector: "ow-cron-state",
  template: `
    @if (of().paused) {
      <span class="badge badge-warn">Paused</span>
    } @else if (of().problem; as text) {
      <span class="badge badge-bad" [title]="text">At rest</span>
    } @else {
      <span class="badge badge-good">On</span>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CronState {
  readonly of = input.required<Cron>();
}
