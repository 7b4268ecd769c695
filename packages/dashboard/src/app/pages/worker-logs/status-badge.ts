import { ChangeDetectionStrategy, Component, computed, input } from "@angular/core";
import { reasonOf } from "./filter.ts";
import { isError, type SeenInvocation } from "./record.ts";

/** How an invocation ended: its status, or `ok` of what is no request. */
@Component({
  selector: "ow-status-badge",
  template: `<span class="badge font-mono" [class]="color()" [title]="reason()">{{ text() }}</span>`,
  host: { class: "inline-flex" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class StatusBadge {
  readonly of = input.required<SeenInvocation>();
  protected readonly text = computed(() => {
    const { status, event, outcome } = this.of();
    return event === undefined && status > 0 ? String(status) : outcome;
  });
  protected readonly reason = computed(() => reasonOf(this.of().outcome));
  protected readonly color = computed(() => {
    const { status, outcome } = this.of();
    if (isError(outcome) || status >= 500) return "badge-bad";
    return outcome === "canceled" || status >= 400 ? "badge-warn" : "badge-good";
  });
}
