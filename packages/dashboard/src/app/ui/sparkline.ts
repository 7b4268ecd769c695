import { ChangeDetectionStrategy, Component, computed, input } from "@angular/core";

const width = 96;
const height = 24;

/** Numbers over time as a small line with its area, without axes. Equal distances; fewer than two are a flat line. */
@Component({
  selector: "ow-sparkline",
  template: `
    <svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" [attr.aria-label]="label()" preserveAspectRatio="none">
      <path [attr.d]="area()" fill="currentColor" opacity="0.12" />
      <path [attr.d]="line()" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" />
    </svg>
  `,
  host: { class: "inline-block align-middle" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Sparkline {
  readonly values = input.required<readonly number[]>();
  readonly label = input.required<string>();
  private readonly points = computed(() => {
    const values = this.values();
    const most = Math.max(1, ...values);
    const step = width / Math.max(1, values.length - 1);
    const y = (value: number) => height - 1.5 - (value / most) * (height - 3);
    if (values.length < 2) return `0,${y(values[0] ?? 0)} L${width},${y(values[0] ?? 0)}`;
    return values.map((value, index) => `${(index * step).toFixed(1)},${y(value).toFixed(1)}`).join(" L");
  });
  protected readonly line = computed(() => `M${this.points()}`);
  protected readonly area = computed(() => `M0,${height} L${this.points()} L${width},${height} Z`);
}
