import { ChangeDetectionStrategy, Component, effect, inject, input, output, signal } from "@angular/core";
import { Router } from "@angular/router";
import { once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Accounts } from "../../session/accounts.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Toasts } from "../../ui/toasts.ts";

@Component({
  selector: "ow-new-organisation",
  imports: [Dialog, Field],
  template: `
    <ow-dialog [open]="open()" title="New organisation" (closed)="closed.emit()">
      <form class="flex flex-col gap-4" (submit)="send($event)">
        <p class="text-muted">Its members share workers and data. You own it, and invite others to it.</p>
        <ow-field label="Called" name="displayName" [maxlength]="100" [issue]="sending.issue('displayName')" [(value)]="called" />
        <ow-field
          label="Name"
          name="name"
          [maxlength]="100"
          hint="In addresses and commands: lower-case letters, digits, dots and hyphens."
          [value]="name() ?? suggested()"
          (valueChange)="name.set($event)"
          [issue]="sending.issue('name')"
        />
        @if (sending.message(); as text) {
          <p class="text-bad" role="alert">{{ text }}</p>
        }
        <div class="flex justify-end gap-2">
          <button type="button" class="button" (click)="closed.emit()">Cancel</button>
          <button class="button button-primary" [disabled]="sending.busy()">Make it</button>
        </div>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class NewOrganisation {
  readonly open = input.required<boolean>();
  readonly closed = output<void>();
  protected readonly sending = new Sending();
  protected readonly called = signal("");
  /** What has been typed; as long as nothing has, one is suggested. */
  protected readonly name = signal<string | undefined>(undefined);
  private readonly client = inject(Api);
  private readonly accounts = inject(Accounts);
  private readonly toasts = inject(Toasts);
  private readonly router = inject(Router);

  constructor() {
    effect(() => {
      if (!this.open()) return;
      this.called.set("");
      this.name.set(undefined);
      this.sending.failure.set(undefined);
    });
  }

  protected suggested(): string {
    return this.called()
      .normalize("NFKD")
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-+|-+$/g, "");
  }

  protected async send(event: Event): Promise<void> {
    const { name = "", displayName = "" } = fieldsOf(event);
    await this.sending.run(async () => {
      await this.client.data(
        this.client.api.POST("/v1/accounts", { body: { name, displayName }, headers: once() }),
      );
      await this.accounts.show(name);
      this.closed.emit();
      this.toasts.done(`You see ${displayName} now. Switch accounts in the menu.`);
      await this.router.navigateByUrl("/organisation");
    });
  }
}
