import { ChangeDetectionStrategy, Component, computed, inject, input, resource } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { codeOf } from "../../api/failure.ts";
import { Accounts } from "../../session/accounts.ts";
import { Session } from "../../session/session.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Load } from "../../ui/load.ts";
import { Frame } from "./frame.ts";

interface Invitation {
  readonly email: string;
  readonly organisation: string;
}

/** Where an invitation leads: whoever is new here makes an account with it, whoever has one joins. */
@Component({
  selector: "ow-invited",
  imports: [Field, Frame, Load, RouterLink],
  template: `
    @if (invitation.hasValue()) {
      @let it = invitation.value();
      @if (session.person(); as person) {
        <ow-frame [heading]="'Join ' + it.organisation" [lead]="'You are signed in as ' + person.email + '.'">
          @if (person.email !== it.email) {
            <p class="mb-4">The invitation was sent to {{ it.email }}. It is this account that joins.</p>
          }
          @if (sending.message(); as text) {
            <p class="mb-4 text-bad" role="alert">{{ text }}</p>
          }
          <div class="flex flex-wrap gap-2">
            <button type="button" class="button button-primary h-9 grow" [disabled]="sending.busy()" (click)="join()">Join</button>
            <button type="button" class="button h-9" [disabled]="sending.busy()" (click)="another()">Use another account</button>
          </div>
        </ow-frame>
      } @else {
        <ow-frame [heading]="'Join ' + it.organisation" [lead]="'You are invited as ' + it.email + '.'">
          <form class="flex flex-col gap-4" (submit)="make($event)">
            <input type="hidden" name="username" autocomplete="username" [value]="it.email" />
            <ow-field label="Name" name="name" autocomplete="name" [maxlength]="100" [issue]="sending.issue('name')" />
            <ow-field
              label="Password"
              name="password"
              type="password"
              autocomplete="new-password"
              [minlength]="10"
              hint="At least 10 characters."
              [issue]="sending.issue('password')"
            />
            @if (sending.message(); as text) {
              <p class="text-bad" role="alert">{{ text }}</p>
            }
            <button class="button button-primary h-9" [disabled]="sending.busy()">Make the account and join</button>
            <a class="link self-start" routerLink="/sign-in" [queryParams]="{ next: here() }">I have an account</a>
          </form>
        </ow-frame>
      }
    } @else if (isDead()) {
      <ow-frame heading="This invitation is good no more">
        <p class="mb-5 text-muted" role="alert">
          It was used, has expired, or was withdrawn. Ask whoever invited you for another, or sign in if you have joined already.
        </p>
        <a class="button button-primary h-9" routerLink="/sign-in">Sign in</a>
      </ow-frame>
    } @else {
      <ow-frame heading="Join an organisation"><ow-load class="-mx-3 block" [of]="invitation" [rows]="4" /></ow-frame>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Invited {
  readonly token = input("");
  protected readonly session = inject(Session);
  protected readonly sending = new Sending();
  private readonly client = inject(Api);
  private readonly accounts = inject(Accounts);
  private readonly router = inject(Router);
  protected readonly here = computed(
    () => `/sign-up/invited?${new URLSearchParams({ token: this.token() })}`,
  );
  protected readonly invitation = resource({
    params: () => this.token(),
    loader: async ({ params: invitation }) => {
      await this.session.known();
      return await this.client.ask<Invitation>("POST", "/v1/auth/sign-up/invitation", { invitation });
    },
  });

  /** Another try would not help. */
  protected readonly isDead = computed(() => codeOf(this.invitation.error()) === "INVALID_INPUT");

  protected async make(event: Event): Promise<void> {
    const { name, password } = fieldsOf(event);
    await this.sending.run(async () => {
      const organisation = this.invitation.value()?.organisation;
      await this.client.ask("POST", "/v1/auth/sign-up/invited", {
        invitation: this.token(),
        name,
        password,
      });
      await this.session.refresh();
      await this.#enter(organisation);
    });
  }

  protected async join(): Promise<void> {
    await this.sending.run(async () => {
      const body = { token: this.token() };
      const { account } = await this.client.data(this.client.api.POST("/v1/invitations/accept", { body }));
      await this.#enter(account);
    });
  }

  protected async another(): Promise<void> {
    await this.sending.run(() => this.session.signOut());
  }

  async #enter(organisation: string | undefined): Promise<void> {
    await this.accounts.show(organisation);
    await this.router.navigateByUrl("/organisation", { replaceUrl: true });
  }
}
