import {
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  type ElementRef,
  effect,
  inject,
  input,
  signal,
  viewChild,
} from "@angular/core";
import type uPlot from "uplot";
import { CodeTheme } from "../editor/code-theme.ts";

export interface Series {
  readonly name: string;
  /** One for each time; null where nothing is known. */
  readonly values: readonly (number | null)[];
  /** A custom property of the theme, such as `--color-accent`. */
  readonly color: string;
}

const height = 180;
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Lines over time. The numbers are also a table, for those who do not see lines. */
@Component({
  selector: "ow-chart",
  template: `
    <div #place class="min-h-[180px] w-full" aria-hidden="true"></div>
    <div class="sr-only">
      <table>
        <caption>{{ label() }}</caption>
        <thead>
          <tr><th>Time</th>@for (one of series(); track one.name) {<th>{{ one.name }}</th>}</tr>
        </thead>
        <tbody>
          @for (time of times(); track time; let index = $index) {
            <tr>
              <th>{{ exact(time) }}</th>
              @for (one of series(); track one.name) {<td>{{ one.values[index] ?? "–" }}</td>}
            </tr>
          }
        </tbody>
      </table>
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Chart {
  readonly label = input.required<string>();
  /** Unix seconds, ascending. */
  readonly times = input.required<readonly number[]>();
  readonly series = input.required<readonly Series[]>();
  /** How a value is written on the axis. */
  readonly format = input<(value: number) => string>((value) => String(value));
  private readonly place = viewChild.required<ElementRef<HTMLElement>>("place");
  private readonly width = signal(0);
  private readonly theme = inject(CodeTheme);
  private plot: uPlot | undefined;

  constructor() {
    const destroyed = inject(DestroyRef);
    const observer = new ResizeObserver(([entry]) =>
      this.width.set(Math.floor(entry?.contentRect.width ?? 0)),
    );
    destroyed.onDestroy(() => {
      observer.disconnect();
      this.plot?.destroy();
    });
    effect(() => observer.observe(this.place().nativeElement));
    effect(() => {
      const width = this.width();
      const times = this.times();
      const series = this.series();
      const format = this.format();
      // A canvas keeps the colours that it was drawn with.
      this.theme.isDark();
      if (width > 0) void this.#draw(width, times, series, format);
    });
  }

  protected exact(seconds: number): string {
    return exact.format(seconds * 1_000);
  }

  async #draw(
    width: number,
    times: readonly number[],
    series: readonly Series[],
    format: (value: number) => string,
  ): Promise<void> {
    const { default: Plot } = await import("uplot");
    const { nativeElement } = this.place();
    // A canvas takes no `var()` and no `light-dark()`: the browser says what they are on an element.
    const colorOf = (property: string) => {
      nativeElement.style.color = `var(${property})`;
      const { color } = getComputedStyle(nativeElement);
      nativeElement.style.color = "";
      return color;
    };
    const muted = colorOf("--color-muted");
    const line = colorOf("--color-line");
    this.plot?.destroy();
    this.plot = new Plot(
      {
        width,
        height,
        cursor: { drag: { x: false, y: false } },
        legend: { live: true },
        scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1)] } },
        axes: [
          { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { show: false } },
          {
            stroke: muted,
            grid: { stroke: line, width: 1 },
            ticks: { show: false },
            size: 56,
            values: (_plot, splits) => splits.map(format),
          },
        ],
        series: [
          {},
          ...series.map(({ name, color, values }) => ({
            label: name,
            stroke: colorOf(color),
            width: 1.5,
            // What has nothing beside it would be no line.
            points: { show: true, size: 5, filter: () => alone(values) },
            value: (_plot: uPlot, value: number | null) => (value === null ? "–" : format(value)),
          })),
        ],
      },
      [[...times], ...series.map(({ values }) => [...values])],
      nativeElement,
    );
  }
}

/** Places of values with nothing known on either side. */
function alone(values: Series["values"]): number[] {
  const known = (at: number) => (values[at] ?? null) !== null;
  return values.flatMap((_, at) => (known(at) && !known(at - 1) && !known(at + 1) ? [at] : []));
}
