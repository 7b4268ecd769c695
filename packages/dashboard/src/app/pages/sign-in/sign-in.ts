import { ChangeDetectionStrategy, Component, computed, inject, input, signal } from "@angular/core";
import { ActivatedRoute, Router, RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { Session } from "../../session/session.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Frame } from "./frame.ts";
import { githubFailure } from "./github-failure.ts";
import { ownPath } from "./next.ts";
import { Options } from "./options.ts";
import { secondFactorOf } from "./second-factor.ts";

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
          <button type="button" class="link self-start" (click)="back()">Back</button>
        </form>
      </ow-frame>
    } @else {
      <ow-frame heading="Sign in">
        <form class="flex flex-col gap-4" (submit)="first($event)">
          <ow-field label="E-mail" name="email" type="email" autocomplete="username" [issue]="sending.issue('email')" />
          <ow-field label="Password" name="password" type="password" autocomplete="current-password" />
          @if (sending.message() ?? githubFailure(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <button class="button button-primary h-9" [disabled]="sending.busy()">Sign in</button>
          @if (githubUrl(); as url) {
            <a class="button h-9" [href]="url">Continue with GitHub</a>
          }
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
  /** Why GitHub's part failed. */
  readonly error = input<string>();
  protected readonly sending = new Sending();
  /** Of a sign-in whose first half is done: GitHub's part leaves it in the fragment. */
  protected readonly challenge = signal(
    new URLSearchParams(inject(ActivatedRoute).snapshot.fragment ?? "").get("two-factor") ?? undefined,
  );
  private readonly client = inject(Api);
  private readonly session = inject(Session);
  private readonly router = inject(Router);
  private readonly options = inject(Options);
  protected readonly githubUrl = computed(() => {
    const next = this.next();
    const back = next === undefined ? "/sign-in" : `/sign-in?${new URLSearchParams({ next })}`;
    return this.options.now()?.github === true ? this.options.githubUrl(back) : undefined;
  });
  protected readonly githubFailure = computed(() => githubFailure(this.error()));

  constructor() {
    void this.#goOn();
  }

  protected async first(event: Event): Promise<void> {
    const body = fieldsOf(event);
    await this.sending.run(async () => {
      const { twoFactor } = await this.client.ask<Answer>("POST", "/v1/auth/sign-in", body);
      if (twoFactor === undefined) await this.#enter();
      else this.challenge.set(twoFactor.challenge);
    });
  }

  protected async second(event: Event, challenge: string): Promise<void> {
    const { code = "" } = fieldsOf(event);
    await this.sending.run(async () => {
      const factor = secondFactorOf(code);
      await this.client.ask("POST", "/v1/auth/sign-in/second-factor", { challenge, ...factor });
      await this.#enter();
    });
  }

  protected back(): void {
    this.sending.failure.set(undefined);
    this.challenge.set(undefined);
  }

  /** Whoever is signed in has nothing to do here, as after GitHub's part. */
  async #goOn(): Promise<void> {
    // What fails here, the form will say.
    await this.session.known().catch(() => undefined);
    if (this.session.signedIn() && this.challenge() === undefined) await this.#leave();
  }

  async #enter(): Promise<void> {
    await this.session.refresh();
    await this.#leave();
  }

  async #leave(): Promise<void> {
    await this.router.navigateByUrl(ownPath(this.next()), { replaceUrl: true });
  }
}
