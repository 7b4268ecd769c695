import { ChangeDetectionStrategy, Component, effect, inject, input } from "@angular/core";
import { Title } from "@angular/platform-browser";

/** What is round the pages of those who are not signed in. */
@Component({
  selector: "ow-frame",
  template: `
    <main class="mx-auto flex min-h-dvh w-[min(92vw,23rem)] flex-col justify-center py-10">
      <div class="mb-6 flex items-center gap-2.5"><img src="favicon.svg" alt="" width="28" height="28" /><span class="font-semibold">OpenWorkers</span></div>
      <h1 class="mb-1 text-xl font-semibold tracking-tight">{{ heading() }}</h1>
      @if (lead(); as text) {
        <p class="mb-5 text-muted">{{ text }}</p>
      } @else {
        <div class="mb-4"></div>
      }
      <ng-content />
    </main>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Frame {
  readonly heading = input.required<string>();
  readonly lead = input<string>();

  constructor() {
    const title = inject(Title);
    effect(() => title.setTitle(`${this.heading()} · OpenWorkers`));
  }
}
