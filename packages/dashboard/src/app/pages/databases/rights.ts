import { computed, Injectable, inject, resource } from "@angular/core";
import { allOf } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";

/**
 * What the reader may do with the account's databases. The API judges again: this only keeps what it would refuse from
 * being offered. While it is not known, nothing that changes is.
 */
@Injectable({ providedIn: "root" })
export class Rights {
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly role = resource({
    params: () => this.account.organisation() ?? "",
    loader: async ({ params: organisation, abortSignal: signal }) => {
      if (organisation === "") return "owner";
      const accounts = await allOf((page) =>
        this.client.data(this.client.api.GET("/v1/accounts", { params: { query: page }, signal })),
      );
      return accounts.find(({ id, name }) => organisation === name || organisation === id)?.role ?? "viewer";
    },
  });
  private readonly known = computed(() => (this.role.hasValue() ? this.role.value() : undefined));
  readonly mayWrite = computed(() => this.known() !== undefined && this.known() !== "viewer");
  readonly mayDelete = computed(() => this.known() === "owner" || this.known() === "admin");
  /** They may look, and it is known that they may not change. */
  readonly readsOnly = computed(() => this.known() === "viewer");
}
