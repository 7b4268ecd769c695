import { ChangeDetectionStrategy, Component, computed, inject, resource } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { codeOf, messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Empty } from "../../ui/empty.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Load } from "../../ui/load.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { Toasts } from "../../ui/toasts.ts";
import { OrganisationPage } from "./organisation-page.ts";

/** What the organisation is called, and its end. */
@Component({
  selector: "ow-organisation-settings",
  imports: [Empty, Field, Load, OrganisationPage, RouterLink, TitledCard],
  templateUrl: "./settings.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Settings {
  protected readonly account = inject(Account);
  protected readonly accounts = inject(Accounts);
  protected readonly sending = new Sending();
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  private readonly router = inject(Router);
  /** As it was read, with the tag of that. */
  protected readonly organisation = resource({
    params: () => this.account.organisation(),
    loader: async ({ params: account, abortSignal: signal }) => {
      const answer = this.client.api.GET("/v1/accounts/{account}", { params: { path: { account } }, signal });
      const { response } = await answer;
      return { ...(await this.client.data(answer)), etag: response.headers.get("etag") ?? undefined };
    },
  });
  protected readonly isAdmin = computed(() => this.accounts.isAtLeast("admin"));
  protected readonly isOwner = computed(() => this.accounts.isAtLeast("owner"));

  protected async rename(event: Event): Promise<void> {
    const { name = "", displayName = "" } = fieldsOf(event);
    await this.sending.run(async () => {
      const shown = this.organisation.value();
      if (shown === undefined) return;
      const { name: now } = await this.client.data(
        this.client.api.PATCH("/v1/accounts/{account}", {
          params: { path: { account: shown.id }, header: ifMatch(shown) },
          body: { name, displayName: displayName === "" ? null : displayName },
        }),
      );
      this.accounts.renamed(shown.name, { name: now, displayName: displayName === "" ? null : displayName });
      this.toasts.done("Saved.");
    });
    if (codeOf(this.sending.failure()) === "PRECONDITION_FAILED") {
      this.toasts.failed("Somebody has changed it meanwhile. Look again, then repeat it.");
    }
    this.organisation.reload();
  }

  protected async remove(): Promise<void> {
    const shown = this.organisation.value();
    if (shown === undefined) return;
    const agreed = await this.confirm.ask({
      title: `Delete ${shown.displayName ?? shown.name}`,
      text: "Its members lose it, and its name is free for others. This cannot be undone. While it owns anything it is not deleted.",
      action: "Delete the organisation",
      typed: shown.name,
    });
    if (!agreed) return;
    try {
      await this.client.data(
        this.client.api.DELETE("/v1/accounts/{account}", {
          params: { path: { account: shown.id }, header: ifMatch(shown) },
        }),
      );
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
      this.organisation.reload();
      return;
    }
    this.account.organisation.set(undefined);
    this.accounts.refresh();
    this.toasts.done(`${shown.displayName ?? shown.name} is deleted.`);
    await this.router.navigateByUrl("/organisation");
  }
}

function ifMatch({ etag }: { readonly etag: string | undefined }): { readonly "if-match"?: string } {
  return etag === undefined ? {} : { "if-match": etag };
}
