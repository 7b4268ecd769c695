import { ChangeDetectionStrategy, Component, input } from "@angular/core";

let next = 0;

/** A part of a page in a card: its heading, a line about it, and what can be done there to its right. */
@Component({
  selector: "ow-titled-card",
  template: `
    <section class="card mb-5" [attr.aria-labelledby]="id">
      <header class="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 px-4 pt-3.5 pb-3">
        <div class="min-w-0">
          <h2 class="font-semibold" [id]="id">{{ heading() }}</h2>
          @if (lead(); as text) {
            <p class="max-w-2xl text-[13px] text-muted">{{ text }}</p>
          }
        </div>
        <div class="flex flex-wrap items-center gap-2"><ng-content select="[actions]" /></div>
      </header>
      <div [class]="flush() ? 'border-t border-line' : 'px-4 pb-4'"><ng-content /></div>
    </section>
  `,
  host: { class: "block" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class TitledCard {
  readonly heading = input.required<string>();
  readonly lead = input<string>();
  /** What is inside reaches the card's edges, as a table does. */
  readonly flush = input(false);
  protected readonly id = `titled-card-${next++}`;
}
