import { ChangeDetectionStrategy, Component, effect, inject, input } from "@angular/core";
import { Title } from "@angular/platform-browser";

/** A page's heading with what can be done there to its right, and the document's title. */
@Component({
  selector: "ow-page",
  template: `
    <div class="mx-auto w-full max-w-6xl px-4 py-6 sm:px-6">
      <header class="mb-5 flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <div class="min-w-0">
          <h1 class="truncate text-xl font-semibold tracking-tight">{{ heading() }}</h1>
          @if (lead(); as text) {
            <p class="text-muted">{{ text }}</p>
          }
        </div>
        <div class="flex flex-wrap items-center gap-2"><ng-content select="[actions]" /></div>
      </header>
      <ng-content />
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Page {
  readonly heading = input.required<string>();
  readonly lead = input<string>();

  constructor() {
    const title = inject(Title);
    effect(() => title.setTitle(`${this.heading()} · OpenWorkers`));
  }
}
