import { ChangeDetectionStrategy, Component, computed, inject, input } from "@angular/core";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Session } from "../../session/session.ts";
import { SingleKeys } from "../../shell/single-keys.ts";
import { Theme, type ThemeChoice } from "../../shell/theme.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Copy } from "../../ui/copy.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { Toasts } from "../../ui/toasts.ts";
import { githubFailure } from "../sign-in/github-failure.ts";
import { Options } from "../sign-in/options.ts";
import { AccountPage } from "./account-page.ts";
import { FreshSignIn, FreshSignInDialog, LeftAsItWas } from "./fresh-sign-in.ts";

const themes: readonly { readonly choice: ThemeChoice; readonly name: string }[] = [
  { choice: "system", name: "As the system" },
  { choice: "light", name: "Light" },
  { choice: "dark", name: "Dark" },
];

@Component({
  selector: "ow-profile",
  imports: [AccountPage, Copy, Field, FreshSignInDialog, TitledCard],
  templateUrl: "./profile.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Profile {
  /** Why linking GitHub failed. */
  readonly error = input<string>();
  protected readonly session = inject(Session);
  protected readonly theme = inject(Theme);
  protected readonly singleKeys = inject(SingleKeys);
  protected readonly themes = themes;
  protected readonly naming = new Sending();
  protected readonly linking = new Sending();
  protected readonly githubIsOn = computed(
    () => this.options.now()?.github === true || this.session.person()?.github === true,
  );
  protected readonly githubFailure = computed(() => githubFailure(this.error()));
  private readonly options = inject(Options);
  private readonly client = inject(Api);
  private readonly toasts = inject(Toasts);
  private readonly confirm = inject(Confirm);
  private readonly fresh = inject(FreshSignIn);

  protected async rename(event: Event): Promise<void> {
    const { name } = fieldsOf(event);
    await this.naming.run(async () => {
      await this.client.ask("PATCH", "/v1/auth/me", { name });
      await this.session.refresh();
      this.toasts.done("Your name is changed.");
    });
  }

  protected async link(): Promise<void> {
    await this.linking.run(async () => {
      const returnTo = `${location.origin}/account`;
      const { url } = await this.fresh.run(() =>
        this.client.ask<{ url: string }>("POST", "/v1/auth/github/link", { returnTo }),
      );
      location.assign(url);
    });
    this.#tell();
  }

  protected async unlink(): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "Unlink GitHub",
      text: "You sign in with your e-mail and password from then on.",
      action: "Unlink",
    });
    if (!agreed) return;
    const done = await this.linking.run(async () => {
      await this.fresh.run(() => this.client.ask("DELETE", "/v1/auth/github"));
      await this.session.refresh();
    });
    if (done) this.toasts.done("GitHub is unlinked.");
    else this.#tell();
  }

  #tell(): void {
    const failure = this.linking.failure();
    if (failure !== undefined && !(failure instanceof LeftAsItWas)) this.toasts.failed(messageOf(failure));
  }
}
