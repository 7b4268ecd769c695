import { computed, Injectable, inject, type Signal } from "@angular/core";
import { Account } from "./account.ts";
import { Accounts, type Role } from "./accounts.ts";

export type { Role } from "./accounts.ts";

/** What the reader is in the accounts that they act in. The API decides what they may; this is for what is offered. */
@Injectable({ providedIn: "root" })
export class Roles {
  private readonly account = inject(Account);
  private readonly accounts = inject(Accounts);
  /** In the account whose things are shown. */
  readonly current = this.in(() => this.account.organisation());
  /** Whether things may be made there. */
  readonly mayWrite = computed(() => this.current() !== "viewer");

  /** In the account of this name; `owner` where nothing else is known, as in the reader's own. */
  in(name: () => string | undefined): Signal<Role> {
    return computed(() => {
      const wanted = name();
      return this.accounts.organisations().find((each) => each.name === wanted)?.role ?? "owner";
    });
  }
}
