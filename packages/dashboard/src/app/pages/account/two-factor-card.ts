import { ChangeDetectionStrategy, Component, computed, inject, output, signal } from "@angular/core";
import { Api } from "../../api/api.ts";
import { Session } from "../../session/session.ts";
import { download } from "../../ui/bytes.ts";
import { Copy } from "../../ui/copy.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { Toasts } from "../../ui/toasts.ts";
import { FreshSignIn } from "./fresh-sign-in.ts";
import { QrCode } from "./qr-code.ts";

/** What is asked for a password: to turn it on, to turn it off, or for other recovery codes. */
type Act = "enable" | "disable" | "recovery-codes";

interface Begun {
  readonly secret: string;
  readonly uri: string;
  readonly recoveryCodes: readonly string[];
}

const titles = {
  enable: "Turn on two-factor sign-in",
  disable: "Turn off two-factor sign-in",
  "recovery-codes": "New recovery codes",
} as const satisfies Record<Act, string>;

@Component({
  selector: "ow-two-factor-card",
  imports: [Copy, Dialog, Field, QrCode, TitledCard],
  templateUrl: "./two-factor-card.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class TwoFactorCard {
  readonly changed = output<void>();
  protected readonly session = inject(Session);
  protected readonly sending = new Sending();
  protected readonly act = signal<Act | undefined>(undefined);
  protected readonly begun = signal<Begun | undefined>(undefined);
  /** To be kept by the reader: shown once. */
  protected readonly codes = signal<readonly string[] | undefined>(undefined);
  protected readonly title = computed(() => {
    const act = this.act();
    return act === undefined ? "" : titles[act];
  });
  protected readonly allCodes = computed(() => this.codes()?.join("\n") ?? "");
  private readonly client = inject(Api);
  private readonly toasts = inject(Toasts);
  private readonly fresh = inject(FreshSignIn);

  protected begin(act: Act): void {
    this.sending.failure.set(undefined);
    this.act.set(act);
  }

  protected leave(): void {
    this.act.set(undefined);
    this.begun.set(undefined);
    this.codes.set(undefined);
  }

  protected async withPassword(event: Event, act: Act): Promise<void> {
    const { password } = fieldsOf(event);
    await this.sending.run(() => this.#do(act, { password }));
  }

  protected async confirm(event: Event, { recoveryCodes }: Begun): Promise<void> {
    const { code = "" } = fieldsOf(event);
    await this.sending.run(async () => {
      const body = { code: code.replaceAll(/\s/g, "") };
      await this.fresh.run(() => this.client.ask("POST", "/v1/auth/two-factor/confirm", body));
      await this.#changed("Two-factor sign-in is on. Every other session has ended.");
      this.codes.set(recoveryCodes);
    });
  }

  protected download(): void {
    const text = new Blob([`${this.allCodes()}\n`], { type: "text/plain" });
    download("openworkers-recovery-codes.txt", text);
  }

  async #do(act: Act, body: { readonly password: string | undefined }): Promise<void> {
    if (act === "enable") {
      this.begun.set(await this.fresh.run(() => this.client.ask<Begun>("POST", "/v1/auth/two-factor", body)));
      return;
    }
    if (act === "recovery-codes") {
      const { recoveryCodes } = await this.fresh.run(() =>
        this.client.ask<Pick<Begun, "recoveryCodes">>("POST", "/v1/auth/two-factor/recovery-codes", body),
      );
      this.codes.set(recoveryCodes);
      return;
    }
    await this.fresh.run(() => this.client.ask("POST", "/v1/auth/two-factor/disable", body));
    await this.#changed("Two-factor sign-in is off. Every other session has ended.");
    this.leave();
  }

  async #changed(said: string): Promise<void> {
    await this.session.refresh();
    this.toasts.done(said);
    this.changed.emit();
  }
}
