import { ChangeDetectionStrategy, Component, input, model } from "@angular/core";

let next = 0;

/** A labelled text input, with what is wrong with its value below it, which screen readers say at once. */
@Component({
  selector: "ow-field",
  template: `
    <label class="label" [attr.for]="id">{{ label() }}</label>
    <input
      class="input"
      [id]="id"
      [name]="name()"
      [type]="type()"
      [attr.autocomplete]="autocomplete()"
      [attr.inputmode]="inputmode()"
      [attr.minlength]="minlength()"
      [attr.maxlength]="maxlength()"
      [attr.placeholder]="placeholder()"
      [attr.spellcheck]="false"
      [attr.aria-invalid]="issue() !== undefined ? true : null"
      [attr.aria-describedby]="issue() !== undefined || hint() !== undefined ? id + '-hint' : null"
      [required]="required()"
      [value]="value()"
      (input)="value.set($any($event.target).value)"
    />
    @if (issue() ?? hint(); as text) {
      <p class="hint" [class.text-bad]="issue() !== undefined" [attr.role]="issue() !== undefined ? 'alert' : null" [id]="id + '-hint'">{{ text }}</p>
    }
  `,
  host: { class: "block" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Field {
  readonly label = input.required<string>();
  readonly name = input.required<string>();
  readonly type = input<"text" | "email" | "password" | "number" | "url" | "datetime-local">("text");
  readonly autocomplete = input("off");
  readonly inputmode = input<"numeric" | "email" | "text">();
  readonly minlength = input<number>();
  readonly maxlength = input<number>();
  readonly placeholder = input<string>();
  readonly required = input(true);
  readonly hint = input<string>();
  readonly issue = input<string>();
  readonly value = model("");
  protected readonly id = `field-${next++}`;
}
