import { ChangeDetectionStrategy, Component, inject, input, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { codeOf } from "../../api/failure.ts";
import { Sending } from "../../ui/form.ts";
import { Frame } from "./frame.ts";
import { Resend } from "./resend.ts";

/** Where a registration's mail leads. Mail servers open links to look at them: only a press of the button uses it. */
@Component({
  selector: "ow-confirm-email",
  imports: [Frame, Resend, RouterLink],
  template: `
    @if (done()) {
      <ow-frame heading="Your e-mail is confirmed" lead="You can sign in now.">
        <a class="button button-primary h-9" routerLink="/sign-in">Sign in</a>
      </ow-frame>
    } @else {
      <ow-frame heading="Confirm your e-mail" lead="One press, and the account is yours to use.">
        @if (sending.message(); as text) {
          <p class="mb-4 text-bad" role="alert">{{ text }}</p>
        }
        @if (isDead()) {
          <ow-resend />
        } @else {
          <button type="button" class="button button-primary h-9" [disabled]="sending.busy()" (click)="confirm()">Confirm</button>
        }
      </ow-frame>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ConfirmEmail {
  readonly token = input("");
  protected readonly sending = new Sending();
  protected readonly done = signal(false);
  private readonly client = inject(Api);

  /** Another press of the button would not help. */
  protected isDead(): boolean {
    return codeOf(this.sending.failure()) === "INVALID_INPUT";
  }

  protected async confirm(): Promise<void> {
    await this.sending.run(async () => {
      await this.client.ask("POST", "/v1/auth/email/verify", { token: this.token() });
      this.done.set(true);
    });
  }
}
