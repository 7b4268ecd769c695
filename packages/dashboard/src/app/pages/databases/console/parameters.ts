import { ChangeDetectionStrategy, Component, computed, input, model } from "@angular/core";

/** Values for `$1`, `$2` …: texts as PostgreSQL reads them, or NULL. */
@Component({
  selector: "ow-sql-parameters",
  template: `
    <fieldset class="flex flex-wrap items-center gap-x-4 gap-y-2">
      <legend class="sr-only">Parameters</legend>
      @for (name of names(); track name; let index = $index) {
        <div class="flex items-center gap-2">
          <label class="font-mono text-[13px] font-medium" [attr.for]="'parameter-' + name">{{ "$" + name }}</label>
          <input
            class="input w-44 font-mono text-[13px]"
            autocomplete="off"
            spellcheck="false"
            [id]="'parameter-' + name"
            [disabled]="values()[index] === null"
            [placeholder]="values()[index] === null ? 'NULL' : ''"
            [value]="values()[index] ?? ''"
            (input)="set(index, $any($event.target).value)"
          />
          <label class="flex items-center gap-1 text-[13px] text-muted">
            <input type="checkbox" [attr.aria-label]="'$' + name + ' is NULL'" [checked]="values()[index] === null" (change)="set(index, $any($event.target).checked ? null : '')" /> NULL
          </label>
        </div>
      }
    </fieldset>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Parameters {
  readonly count = input.required<number>();
  readonly values = model.required<readonly (string | null)[]>();
  protected readonly names = computed(() => Array.from({ length: this.count() }, (_, index) => index + 1));

  protected set(index: number, value: string | null): void {
    this.values.update((values) => {
      const all = Array.from(
        { length: Math.max(values.length, index + 1) },
        (_, at) => values[at] ?? (at in values ? null : ""),
      );
      all[index] = value;
      return all;
    });
  }
}
