import { ChangeDetectionStrategy, Component, inject, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Frame } from "./frame.ts";

@Component({
  selector: "ow-forgot",
  imports: [Field, Frame, RouterLink],
  template: `
    @if (sentTo(); as email) {
      <ow-frame heading="Look into your mail" [lead]="'If there is an account for ' + email + ', a link to choose another password goes there.'">
        <p class="mb-5 text-muted">
          Nothing comes? Whoever runs the platform makes such a link with <code class="code">ow users reset-link</code>.
        </p>
        <a class="link" routerLink="/sign-in">Sign in</a>
      </ow-frame>
    } @else {
      <ow-frame heading="Forgot the password?" lead="A link to choose another one comes by mail.">
        <form class="flex flex-col gap-4" (submit)="send($event)">
          <ow-field label="E-mail" name="email" type="email" autocomplete="username" [issue]="sending.issue('email')" />
          @if (sending.message(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <button class="button button-primary h-9" [disabled]="sending.busy()">Send the link</button>
          <a class="link self-start" routerLink="/sign-in">Sign in</a>
        </form>
      </ow-frame>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Forgot {
  protected readonly sending = new Sending();
  protected readonly sentTo = signal<string | undefined>(undefined);
  private readonly client = inject(Api);

  protected async send(event: Event): Promise<void> {
    const { email } = fieldsOf(event);
    await this.sending.run(async () => {
      await this.client.ask("POST", "/v1/auth/password/forgot", { email });
      this.sentTo.set(email);
    });
  }
}
