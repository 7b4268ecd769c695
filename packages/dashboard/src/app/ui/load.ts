import { ChangeDetectionStrategy, Component, computed, input, type Resource } from "@angular/core";
import { LucideCircleAlert } from "@lucide/angular";
import { messageOf } from "../api/failure.ts";

/**
 * What stands where a resource's value will: grey bars while it loads, the error with another try when it failed. Bars
 * take the room that rows will, so that nothing jumps.
 */
@Component({
  selector: "ow-load",
  imports: [LucideCircleAlert],
  template: `
    @if (error(); as text) {
      <div class="flex flex-col items-start gap-3 p-6" role="alert">
        <p class="flex items-center gap-2 text-bad"><svg lucideCircleAlert size="16"></svg> {{ text }}</p>
        <button type="button" class="button" (click)="again()">Try again</button>
      </div>
    } @else {
      <div class="flex flex-col" aria-busy="true" aria-label="Loading">
        @for (_ of bars(); track $index) {
          <div class="flex h-10 items-center px-3"><div class="skeleton h-3.5 w-full"></div></div>
        }
      </div>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Load {
  readonly of = input.required<Resource<unknown> & { reload(): boolean }>();
  readonly rows = input(5);
  protected readonly bars = computed(() => Array.from({ length: this.rows() }));
  protected readonly error = computed(() => {
    const thrown = this.of().error();
    return thrown === undefined ? undefined : messageOf(thrown);
  });

  protected again(): void {
    this.of().reload();
  }
}
