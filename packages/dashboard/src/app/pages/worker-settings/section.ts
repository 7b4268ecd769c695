import { ChangeDetectionStrategy, Component, input } from "@angular/core";

/** A part of the settings: what it is, what can be done (`[actions]`), and itself. */
@Component({
  selector: "ow-settings-section",
  template: `
    <section class="mb-8" [attr.aria-label]="heading()">
      <header class="mb-3 flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div class="min-w-0 max-w-2xl">
          <h2 class="font-semibold">{{ heading() }}</h2>
          @if (lead(); as text) {
            <p class="text-[13px] text-muted">{{ text }}</p>
          }
        </div>
        <div class="flex flex-wrap gap-2"><ng-content select="[actions]" /></div>
      </header>
      <ng-content />
    </section>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Section {
  readonly heading = input.required<string>();
  readonly lead = input<string>();
}
