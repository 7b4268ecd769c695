import { ChangeDetectionStrategy, Component, inject, input, signal } from "@angular/core";
import { Api } from "../../api/api.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";

/** Asks for another link that confirms an e-mail. */
@Component({
  selector: "ow-resend",
  imports: [Field],
  template: `
    <form class="flex flex-col gap-4" (submit)="send($event)">
      @if (email() === undefined) {
        <ow-field label="E-mail" name="email" type="email" autocomplete="username" [issue]="sending.issue('email')" />
      }
      @if (sending.message(); as text) {
        <p class="text-bad" role="alert">{{ text }}</p>
      }
      <button class="button h-9 self-start" [disabled]="sending.busy()">Send another link</button>
      <p role="status" class="text-muted">
        @if (sent()) {
          If an account waits for it, another link is on its way.
        }
      </p>
    </form>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Resend {
  /** Asked for when it is not known. */
  readonly email = input<string>();
  protected readonly sending = new Sending();
  protected readonly sent = signal(false);
  private readonly client = inject(Api);

  protected async send(event: Event): Promise<void> {
    const { email } = { email: this.email(), ...fieldsOf(event) };
    await this.sending.run(async () => {
      await this.client.ask("POST", "/v1/auth/email/verify/resend", { email });
      this.sent.set(true);
    });
  }
}
