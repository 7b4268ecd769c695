import { ChangeDetectionStrategy, Component, input } from "@angular/core";
import { LucideCircleAlert } from "@lucide/angular";
import type { Paged } from "./paged.ts";

/** Below a paged list: bars while its first page loads, what went wrong with another try, and the way to the next page. */
@Component({
  selector: "ow-paged-foot",
  imports: [LucideCircleAlert],
  template: `
    @if (of().failure(); as text) {
      <div class="flex flex-col items-start gap-3 p-6" role="alert">
        <p class="flex items-center gap-2 text-bad"><svg lucideCircleAlert size="16" class="shrink-0"></svg> {{ text }}</p>
        <button type="button" class="button" (click)="of().items().length === 0 ? of().reload() : of().next()">Try again</button>
      </div>
    } @else if (of().loading() && of().items().length === 0) {
      <div aria-busy="true" aria-label="Loading">
        @for (_ of bars; track $index) {
          <div class="flex h-10 items-center px-3"><div class="skeleton h-3.5 w-full"></div></div>
        }
      </div>
    } @else if (of().more()) {
      <div class="border-t border-line p-2 text-center">
        <button type="button" class="button button-quiet" [disabled]="of().loading()" (click)="of().next()">
          {{ of().loading() ? "Loading…" : "Load more" }}
        </button>
      </div>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class PagedFoot {
  readonly of = input.required<Paged<unknown>>();
  protected readonly bars = [0, 1, 2, 3, 4];
}
