import { ChangeDetectionStrategy, Component, inject, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Load } from "../../ui/load.ts";
import { Frame } from "./frame.ts";
import { Options } from "./options.ts";
import { Resend } from "./resend.ts";

/** An account of one's own, where registration is open. */
@Component({
  selector: "ow-register",
  imports: [Field, Frame, Load, Resend, RouterLink],
  template: `
    @if (sentTo(); as email) {
      <ow-frame heading="Look into your mail" [lead]="'To ' + email + ' goes a link that confirms the address. Then you can sign in.'">
        <ow-resend [email]="email" />
      </ow-frame>
    } @else if (options.now(); as now) {
      @if (now.registration === "closed") {
        <ow-frame heading="Registration is closed" lead="Here accounts are made by invitation.">
          <p class="mb-3">
            Ask somebody who runs an organisation here: an admin of it invites you under <b>Organisation</b>, or with
            <code class="code">ow members invite</code>, and hands you a link that makes the account.
          </p>
          <p class="mb-5 text-muted">Whoever runs the platform opens registration with <code class="code">OW_REGISTRATION=open</code>.</p>
          <a class="link" routerLink="/sign-in">Sign in</a>
        </ow-frame>
      } @else {
        <ow-frame heading="Make an account">
          <form class="flex flex-col gap-4" (submit)="send($event)">
            <ow-field label="Name" name="name" autocomplete="name" [maxlength]="100" [issue]="sending.issue('name')" />
            <ow-field label="E-mail" name="email" type="email" autocomplete="username" [issue]="sending.issue('email')" />
            <ow-field label="Password" name="password" type="password" autocomplete="new-password" [minlength]="10" hint="At least 10 characters." [issue]="sending.issue('password')" />
            @if (sending.message(); as text) {
              <p class="text-bad" role="alert">{{ text }}</p>
            }
            <button class="button button-primary h-9" [disabled]="sending.busy()">Make the account</button>
            @if (now.github) {
              <a class="button h-9" [href]="options.githubUrl('/sign-in')">Continue with GitHub</a>
            }
            <a class="link self-start" routerLink="/sign-in">I have an account</a>
          </form>
        </ow-frame>
      }
    } @else {
      <ow-frame heading="Make an account"><ow-load class="-mx-3" [of]="options.resource" [rows]="4" /></ow-frame>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Register {
  protected readonly options = inject(Options);
  protected readonly sending = new Sending();
  protected readonly sentTo = signal<string | undefined>(undefined);
  private readonly client = inject(Api);

  protected async send(event: Event): Promise<void> {
    const fields = fieldsOf(event);
    await this.sending.run(async () => {
      await this.client.ask("POST", "/v1/auth/sign-up", fields);
      this.sentTo.set(fields["email"]);
    });
  }
}
