import { ChangeDetectionStrategy, Component, computed, input } from "@angular/core";
import { formatBytes } from "./format.ts";
import type { Database } from "./types.ts";

/** How much of its quota a database takes. */
@Component({
  selector: "ow-database-size",
  template: `
    @if (database().kind === "external") {
      <span class="text-muted">its server's</span>
    } @else {
      <div class="flex items-center gap-2.5">
        <div class="h-1.5 w-16 shrink-0 overflow-hidden rounded bg-sunken" aria-hidden="true">
          <div class="h-full rounded" [class]="share() > 0.9 ? 'bg-bad' : share() > 0.75 ? 'bg-warn' : 'bg-accent'" [style.width.%]="100 * share()"></div>
        </div>
        <span class="whitespace-nowrap tabular-nums" [title]="title()">{{ text() }}</span>
      </div>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Size {
  readonly database = input.required<Database>();
  protected readonly share = computed(() => {
    const { sizeBytes, limits } = this.database();
    return Math.min(1, (sizeBytes ?? 0) / limits.sizeBytes);
  });
  protected readonly text = computed(() => {
    const { sizeBytes, limits } = this.database();
    const size = sizeBytes === null ? "not measured" : formatBytes(sizeBytes);
    return `${size} of ${formatBytes(limits.sizeBytes)}`;
  });
  protected readonly title = computed(() => {
    const { sizeBytes, limits } = this.database();
    return `${sizeBytes ?? "?"} of ${limits.sizeBytes} bytes, when it was last measured`;
  });
}
