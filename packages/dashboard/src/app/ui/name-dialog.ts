import { ChangeDetectionStrategy, Component, effect, input, output, signal } from "@angular/core";
import { Dialog } from "./dialog.ts";
import { Field } from "./field.ts";
import { Sending } from "./form.ts";

/** Asks for a name, and does with it what `send` says; stays open, with what is wrong, when that fails. */
@Component({
  selector: "ow-name-dialog",
  imports: [Dialog, Field],
  template: `
    <ow-dialog [open]="open()" [title]="title()" (closed)="closed.emit()">
      <form class="flex flex-col gap-4" (submit)="$event.preventDefault(); submit()">
        <ow-field label="Name" name="name" [hint]="hint()" [issue]="sending.issue('name')" [maxlength]="64" [(value)]="name" />
        <ng-content />
        @if (sending.message(); as text) {
          <p class="text-bad" role="alert">{{ text }}</p>
        }
        <div class="flex justify-end gap-2">
          <button type="button" class="button" (click)="closed.emit()">Cancel</button>
          <button class="button button-primary" [disabled]="sending.busy()">{{ action() }}</button>
        </div>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class NameDialog {
  readonly open = input.required<boolean>();
  readonly title = input.required<string>();
  /** What the button says. */
  readonly action = input.required<string>();
  readonly hint = input<string>();
  /** The name that stands there when it opens. */
  readonly initial = input("");
  readonly send = input.required<(name: string) => Promise<void>>();
  readonly closed = output<void>();
  protected readonly name = signal("");
  protected readonly sending = new Sending();

  constructor() {
    effect(() => {
      if (!this.open()) return;
      this.name.set(this.initial());
      this.sending.failure.set(undefined);
    });
  }

  protected async submit(): Promise<void> {
    if (await this.sending.run(() => this.send()(this.name().trim()))) this.closed.emit();
  }
}
