import { ChangeDetectionStrategy, Component, computed, input } from "@angular/core";

/** How much of a limit is used, as a bar that changes its colour before it is full. */
@Component({
  selector: "ow-usage-bar",
  template: `
    <div
      class="h-1.5 w-full overflow-hidden rounded-full bg-sunken"
      role="meter"
      [attr.aria-label]="label()"
      aria-valuemin="0"
      aria-valuemax="100"
      [attr.aria-valuenow]="percent()"
      [attr.aria-valuetext]="text()"
    >
      <div class="h-full rounded-full" [class]="color()" [style.width.%]="percent()"></div>
    </div>
  `,
  host: { class: "block" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class UsageBar {
  readonly label = input.required<string>();
  /** What is said instead of the percentage. */
  readonly text = input.required<string>();
  readonly used = input.required<number>();
  readonly limit = input.required<number>();
  protected readonly percent = computed(() => Math.min(100, (100 * this.used()) / Math.max(1, this.limit())));
  protected readonly color = computed(() => {
    const percent = this.percent();
    return percent >= 95 ? "bg-bad-fill" : percent >= 80 ? "bg-warn" : "bg-accent-fill";
  });
}
