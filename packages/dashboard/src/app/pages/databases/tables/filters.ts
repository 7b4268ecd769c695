import { ChangeDetectionStrategy, Component, effect, input, output, signal } from "@angular/core";
import { LucidePlus, LucideX } from "@lucide/angular";
import { type Column, type Filter, operators } from "../sql/rows.ts";
import { isOperator } from "./view-state.ts";

/** Conditions that rows are to meet, all of them; `applied` when the reader has said that they are ready. */
@Component({
  selector: "ow-row-filters",
  imports: [LucidePlus, LucideX],
  template: `
    <form class="flex flex-wrap items-center gap-2" aria-label="Filters" (submit)="$event.preventDefault(); applied.emit(draft())">
      @for (filter of draft(); track $index) {
        <div class="flex min-w-0 flex-wrap items-center gap-1.5 sm:flex-nowrap" role="group" [attr.aria-label]="'Filter ' + ($index + 1)">
          <select class="input w-auto max-w-40" aria-label="Column" (change)="change($index, { column: $any($event.target).value })">
            @for (column of columns(); track column.name) {
              <option [value]="column.name" [selected]="column.name === filter.column">{{ column.name }}</option>
            }
          </select>
          <select class="input w-auto" aria-label="Comparison" (change)="changeOperator($index, $any($event.target).value)">
            @for (operator of all; track operator.name) {
              <option [value]="operator.name" [selected]="operator.name === filter.operator">{{ operator.label }}</option>
            }
          </select>
          @if (takesValue(filter)) {
            <input class="input w-40" aria-label="Value" spellcheck="false" autocomplete="off" [value]="filter.value" (input)="change($index, { value: $any($event.target).value })" />
          }
          <button type="button" class="button button-quiet button-icon" [attr.aria-label]="'Remove filter ' + ($index + 1)" (click)="remove($index)">
            <svg lucideX size="14"></svg>
          </button>
        </div>
      }
      <button type="button" class="button button-quiet" (click)="add()"><svg lucidePlus size="14"></svg> Filter</button>
      @if (draft().length > 0) {
        <button class="button">Apply</button>
      }
    </form>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Filters {
  readonly columns = input.required<readonly Column[]>();
  readonly filters = input.required<readonly Filter[]>();
  readonly applied = output<readonly Filter[]>();
  protected readonly draft = signal<readonly Filter[]>([]);
  protected readonly all = Object.entries(operators).map(([name, { label }]) => ({ name, label }));

  constructor() {
    effect(() => this.draft.set(this.filters()));
  }

  protected takesValue({ operator }: Filter): boolean {
    return operators[operator].takesValue;
  }

  protected add(): void {
    const [first] = this.columns();
    if (first === undefined) return;
    this.draft.update((all) => [...all, { column: first.name, operator: "eq", value: "" }]);
  }

  protected change(index: number, change: Partial<Filter>): void {
    this.draft.update((all) => all.map((filter, at) => (at === index ? { ...filter, ...change } : filter)));
  }

  protected changeOperator(index: number, operator: string): void {
    if (isOperator(operator)) this.change(index, { operator });
  }

  /** What is gone counts at once. */
  protected remove(index: number): void {
    this.draft.update((all) => all.filter((_, at) => at !== index));
    this.applied.emit(this.draft());
  }
}
