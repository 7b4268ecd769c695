import { ChangeDetectionStrategy, Component, computed, inject, linkedSignal, signal } from "@angular/core";
import { LucidePlus } from "@lucide/angular";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Empty } from "../../ui/empty.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";
import { AccountPage } from "./account-page.ts";
import { NewKey } from "./new-key.ts";
import { summaryOf } from "./scopes.ts";

export type Key = Omit<components["schemas"]["ApiKey"], "expiresAt" | "lastUsedAt"> & {
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
};

/** Keys for programs: one's own, or, for its admins, those that act in the organisation that is shown. */
@Component({
  selector: "ow-keys",
  imports: [AccountPage, Empty, LucidePlus, NewKey, PagedFoot, Time],
  templateUrl: "./keys.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Keys {
  protected readonly making = signal(false);
  protected readonly summaryOf = summaryOf;
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly accounts = inject(Accounts);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  /** The organisation whose keys can be shown instead. */
  protected readonly organisation = computed(() =>
    this.account.organisation() !== undefined && this.accounts.isAtLeast("admin")
      ? this.accounts.current()
      : undefined,
  );
  protected readonly whose = linkedSignal<string | undefined, "mine" | "organisation">({
    source: () => this.organisation()?.name,
    computation: () => "mine",
  });
  protected readonly keys = new Paged<Key>(() => {
    const organisation = this.whose() === "organisation" ? this.organisation() : undefined;
    const query = organisation === undefined ? {} : { account: organisation.name };
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/keys", {
          params: { query: cursor === undefined ? query : { ...query, cursor } },
          signal,
        }),
      );
  });

  protected isOver({ expiresAt }: Key): boolean {
    return expiresAt !== null && new Date(expiresAt).getTime() <= Date.now();
  }

  protected async revoke(key: Key): Promise<void> {
    const agreed = await this.confirm.ask({
      title: `Revoke ${key.name}`,
      text: `Whatever uses ${key.prefix}… is refused at once. A key that is revoked cannot be brought back.`,
      action: "Revoke",
    });
    if (!agreed) return;
    try {
      await this.client.data(this.client.api.DELETE("/v1/keys/{key}", { params: { path: { key: key.id } } }));
      this.toasts.done(`${key.name} opens nothing any more.`);
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
    this.keys.reload();
  }
}
