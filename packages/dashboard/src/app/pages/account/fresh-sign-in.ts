import { ChangeDetectionStrategy, Component, computed, Injectable, inject, signal } from "@angular/core";
import { ApiError } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { codeOf } from "../../api/failure.ts";
import { Session } from "../../session/session.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { secondFactorOf } from "../sign-in/second-factor.ts";

interface Answer {
  readonly twoFactor?: { readonly challenge: string };
}

interface Sessions {
  readonly items: readonly { readonly id: string; readonly current: boolean }[];
}

/** Thrown when the reader does not want to sign in again. */
export class LeftAsItWas extends Error {
  constructor() {
    super("Nothing was changed: this needs a sign-in of the last minutes.");
  }
}

/** How one signs in is only changed soon after a sign-in. */
@Injectable({ providedIn: "root" })
export class FreshSignIn {
  readonly asked = signal<((signedIn: boolean) => void) | undefined>(undefined);

  /** Does `work`; when that needs a fresh sign-in, asks for one and does it again. @throws LeftAsItWas */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.details?.["reason"] !== "fresh-sign-in-needed")
        throw thrown;
    }
    if (!(await this.#ask())) throw new LeftAsItWas();
    return await work();
  }

  #ask(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.asked.set((signedIn) => {
      this.asked.set(undefined);
      resolve(signedIn);
    });
    return promise;
  }
}

@Component({
  selector: "ow-fresh-sign-in",
  imports: [Dialog, Field],
  template: `
    <ow-dialog [open]="fresh.asked() !== undefined" title="Sign in again" (closed)="leave()">
      @if (challenge(); as held) {
        <form class="flex flex-col gap-4" (submit)="second($event, held)">
          <ow-field label="Code" name="code" autocomplete="one-time-code" hint="Of your authenticator, or a recovery code." />
          @if (sending.message(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <button class="button button-primary self-end" [disabled]="sending.busy()">Go on</button>
        </form>
      } @else {
        <form class="flex flex-col gap-4" (submit)="first($event)">
          <p class="text-muted">How one signs in is only changed within ten minutes of a sign-in.</p>
          <input type="hidden" name="email" autocomplete="username" [value]="session.person()?.email" />
          <ow-field label="Password" name="password" type="password" autocomplete="current-password" />
          @if (wrong(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <button class="button button-primary self-end" [disabled]="sending.busy()">Go on</button>
        </form>
      }
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class FreshSignInDialog {
  protected readonly fresh = inject(FreshSignIn);
  protected readonly session = inject(Session);
  protected readonly sending = new Sending();
  protected readonly challenge = signal<string | undefined>(undefined);
  /** In other words than at the door, where it may be the e-mail that is wrong. */
  protected readonly wrong = computed(() =>
    codeOf(this.sending.failure()) === "UNAUTHORIZED" ? "The password is wrong." : this.sending.message(),
  );
  private readonly client = inject(Api);
  #before: string | undefined;

  protected async first(event: Event): Promise<void> {
    const body = fieldsOf(event);
    await this.sending.run(async () => {
      const { items } = await this.client.ask<Sessions>("GET", "/v1/auth/sessions");
      this.#before = items.find(({ current }) => current)?.id;
      const { twoFactor } = await this.client.ask<Answer>("POST", "/v1/auth/sign-in", body);
      if (twoFactor === undefined) await this.#done();
      else this.challenge.set(twoFactor.challenge);
    });
  }

  protected async second(event: Event, challenge: string): Promise<void> {
    const { code = "" } = fieldsOf(event);
    await this.sending.run(async () => {
      const body = { challenge, ...secondFactorOf(code) };
      await this.client.ask("POST", "/v1/auth/sign-in/second-factor", body);
      await this.#done();
    });
  }

  protected leave(): void {
    this.challenge.set(undefined);
    this.sending.failure.set(undefined);
    this.fresh.asked()?.(false);
  }

  /** The session before is nobody's any more. */
  async #done(): Promise<void> {
    if (this.#before !== undefined) await this.client.ask("DELETE", `/v1/auth/sessions/${this.#before}`);
    this.challenge.set(undefined);
    this.fresh.asked()?.(true);
  }
}
