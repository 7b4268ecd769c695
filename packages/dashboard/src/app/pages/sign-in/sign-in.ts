import { ChangeDetectionStrategy, Component, inject, input, signal } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { Session } from "../../session/session.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Frame } from "./frame.ts";

interface Answer {
  readonly twoFactor?: { readonly challenge: string };
}

@Component({
  selector: "ow-sign-in",
  imports: [Field, Frame, RouterLink],
  template: `
    @if (challenge(); as held) {
      <ow-frame heading="One more step" lead="Enter the code that your authenticator shows, or one of your recovery codes.">
        <form class="flex flex-col gap-4" (submit)="second($event, held)">
          <ow-field label="Code" name="code" autocomplete="one-time-code" [issue]="sending.issue('code')" />
          @if (sending.message(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <button class="button button-primary h-9" [disabled]="sending.busy()">Sign in</button>
          <button type="button" class="link self-start" (click)="challenge.set(undefined)">Back</button>
        </form>
      </ow-frame>
    } @else {
      <ow-frame heading="Sign in">
        <form class="flex flex-col gap-4" (submit)="first($event)">
          <ow-field label="E-mail" name="email" type="email" autocomplete="username" [issue]="sending.issue('email')" />
          <ow-field label="Password" name="password" type="password" autocomplete="current-password" />
          @if (sending.message(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <button class="button button-primary h-9" [disabled]="sending.busy()">Sign in</button>
          <div class="flex justify-between">
            <a class="link" routerLink="/forgot">Forgot the password?</a>
            <a class="link" routerLink="/register">Make an account</a>
          </div>
        </form>
      </ow-frame>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class SignIn {
  /** Where to go afterwards: a path of the dashboard. */
  readonly next = input<string>();
  protected readonly sending = new Sending();
  protected readonly challenge = signal<string | undefined>(undefined);
  private readonly client = inject(Api);
  private readonly session = inject(Session);
  private readonly router = inject(Router);

  protected async first(event: Event): Promise<void> {
    const body = fieldsOf(event);
    await this.sending.run(async () => {
      const { twoFactor } = await this.client.ask<Answer>("POST", "/v1/auth/sign-in", body);
      if (twoFactor === undefined) await this.#enter();
      else this.challenge.set(twoFactor.challenge);
    });
  }

  protected async second(event: Event, challenge: string): Promise<void> {
    const { code } = fieldsOf(event);
    await this.sending.run(async () => {
      await this.client.ask("POST", "/v1/auth/sign-in/second-factor", { challenge, code });
      await this.#enter();
    });
  }

  async #enter(): Promise<void> {
    await this.session.refresh();
    const next = this.next();
    // A path of ours and nothing else: `//host` would be another's.
    await this.router.navigateByUrl(next !== undefined && /^\/(?![/\\])/.test(next) ? next : "/");
  }
}
