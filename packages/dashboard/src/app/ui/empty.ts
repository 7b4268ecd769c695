import { ChangeDetectionStrategy, Component, input } from "@angular/core";

/** What a list says when there is nothing in it: what it is for, and the first step (projected). */
@Component({
  selector: "ow-empty",
  template: `
    <div class="flex flex-col items-center gap-2 px-6 py-12 text-center">
      <h2 class="font-semibold">{{ title() }}</h2>
      <p class="max-w-md text-muted">{{ text() }}</p>
      <div class="mt-2 flex flex-wrap items-center justify-center gap-2"><ng-content /></div>
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Empty {
  readonly title = input.required<string>();
  readonly text = input.required<string>();
}
