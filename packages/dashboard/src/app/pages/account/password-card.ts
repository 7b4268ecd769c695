import { ChangeDetectionStrategy, Component, inject, output, signal } from "@angular/core";
import { Api } from "../../api/api.ts";
import { Session } from "../../session/session.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { Toasts } from "../../ui/toasts.ts";
import { FreshSignIn } from "./fresh-sign-in.ts";

@Component({
  selector: "ow-password-card",
  imports: [Field, TitledCard],
  template: `
    <ow-titled-card heading="Password" lead="Another password ends every session but this one.">
      @if (session.person()?.hasPassword) {
        <form #form class="flex max-w-md flex-col gap-4" (submit)="change($event)">
          <input type="hidden" name="username" autocomplete="username" [value]="session.person()?.email" />
          <ow-field label="Current password" name="currentPassword" type="password" autocomplete="current-password" [value]="current()" (valueChange)="current.set($event)" [issue]="sending.issue('currentPassword')" />
          <ow-field label="New password" name="newPassword" type="password" autocomplete="new-password" [minlength]="10" hint="At least 10 characters." [value]="wanted()" (valueChange)="wanted.set($event)" [issue]="sending.issue('newPassword')" />
          @if (sending.message(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <button class="button self-start" [disabled]="sending.busy()">Change the password</button>
        </form>
      } @else {
        <p class="mb-3 text-muted">This account has none: you sign in with GitHub. A link to set one comes by mail.</p>
        @if (sending.message(); as text) {
          <p class="mb-3 text-bad" role="alert">{{ text }}</p>
        }
        <button type="button" class="button" [disabled]="sending.busy()" (click)="mail()">Send the link</button>
      }
    </ow-titled-card>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class PasswordCard {
  readonly changed = output<void>();
  protected readonly session = inject(Session);
  protected readonly sending = new Sending();
  protected readonly current = signal("");
  protected readonly wanted = signal("");
  private readonly client = inject(Api);
  private readonly toasts = inject(Toasts);
  private readonly fresh = inject(FreshSignIn);

  protected async change(event: Event): Promise<void> {
    const { currentPassword, newPassword } = fieldsOf(event);
    await this.sending.run(async () => {
      await this.fresh.run(() =>
        this.client.ask("POST", "/v1/auth/password", { currentPassword, newPassword }),
      );
      this.current.set("");
      this.wanted.set("");
      this.toasts.done("Your password is changed, and every other session has ended.");
      this.changed.emit();
    });
  }

  protected async mail(): Promise<void> {
    await this.sending.run(async () => {
      const email = this.session.person()?.email;
      await this.client.ask("POST", "/v1/auth/password/forgot", { email });
      this.toasts.done(`A link is on its way to ${email}.`);
    });
  }
}
