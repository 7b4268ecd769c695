import { ChangeDetectionStrategy, Component, inject, input, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { Session } from "../../session/session.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Frame } from "./frame.ts";

/** Where the link to choose another password leads. */
@Component({
  selector: "ow-reset",
  imports: [Field, Frame, RouterLink],
  template: `
    @if (done()) {
      <ow-frame heading="Your password is changed" lead="Every session has ended. Sign in again.">
        <a class="button button-primary h-9" routerLink="/sign-in">Sign in</a>
      </ow-frame>
    } @else {
      <ow-frame heading="Choose another password" lead="It ends every session of the account.">
        <form class="flex flex-col gap-4" (submit)="send($event)">
          <ow-field
            label="New password"
            name="newPassword"
            type="password"
            autocomplete="new-password"
            [minlength]="10"
            hint="At least 10 characters."
            [issue]="sending.issue('newPassword')"
          />
          @if (sending.message(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <button class="button button-primary h-9" [disabled]="sending.busy()">Change the password</button>
          <a class="link self-start" routerLink="/forgot">Ask for another link</a>
        </form>
      </ow-frame>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Reset {
  readonly token = input("");
  protected readonly sending = new Sending();
  protected readonly done = signal(false);
  private readonly client = inject(Api);
  private readonly session = inject(Session);

  protected async send(event: Event): Promise<void> {
    const { newPassword } = fieldsOf(event);
    await this.sending.run(async () => {
      await this.client.ask("POST", "/v1/auth/password/reset", { token: this.token(), newPassword });
      // Of this browser, too, when it had one.
      await this.session.refresh();
      this.done.set(true);
    });
  }
}
