import { computed, Injectable, inject, resource, type Signal } from "@angular/core";
import { type components, itemsOf } from "@openworkers/client";
import { Api } from "../api/api.ts";
import { Account } from "./account.ts";
import { Session } from "./session.ts";

export type Role = components["schemas"]["Account"]["role"];

/** What the reader is in the accounts that they act in. The API decides what they may; this is for what is offered. */
@Injectable({ providedIn: "root" })
export class Roles {
  private readonly client = inject(Api);
  private readonly session = inject(Session);
  private readonly account = inject(Account);
  private readonly accounts = resource({
    params: () => this.session.person()?.id,
    loader: ({ abortSignal: signal }) =>
      Array.fromAsync(
        itemsOf((query) =>
          this.client.data(this.client.api.GET("/v1/accounts", { params: { query }, signal })),
        ),
      ),
  });
  /** In the account whose things are shown. */
  readonly current = this.in(() => this.account.organisation());
  /** Whether things may be made there. */
  readonly mayWrite = computed(() => this.current() !== "viewer");

  /** In the account of this name; `owner` where nothing else is known, as in the reader's own. */
  in(name: () => string | undefined): Signal<Role> {
    return computed(() => {
      const wanted = name();
      const all = this.accounts.hasValue() ? this.accounts.value() : [];
      return all.find((account) => account.name === wanted)?.role ?? "owner";
    });
  }
}
