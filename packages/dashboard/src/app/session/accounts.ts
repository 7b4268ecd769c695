import { computed, effect, Injectable, inject, resource, untracked } from "@angular/core";
import { allOf, type components } from "@openworkers/client";
import { Api } from "../api/api.ts";
import { Account } from "./account.ts";
import { Session } from "./session.ts";

export type Organisation = components["schemas"]["Account"];
export type Role = Organisation["role"];

/** From the one that may least. */
export const roles: readonly Role[] = ["viewer", "developer", "admin", "owner"];

/** The organisations that the reader acts in, and what they may do in the account that is shown. */
@Injectable({ providedIn: "root" })
export class Accounts {
  private readonly client = inject(Api);
  private readonly session = inject(Session);
  private readonly account = inject(Account);
  readonly list = resource({
    params: () => this.session.person()?.id,
    loader: ({ abortSignal }) =>
      allOf<Organisation>((page) =>
        this.client.data(
          this.client.api.GET("/v1/accounts", {
            params: { query: { ...page, kind: "organisation" } },
            signal: abortSignal,
          }),
        ),
      ),
  });
  readonly organisations = computed(() => (this.list.hasValue() ? this.list.value() : []));
  /** The organisation that is shown; undefined for the reader's own account, and until it is known. */
  readonly current = computed(() =>
    this.organisations().find(({ name }) => name === this.account.organisation()),
  );
  /** The reader's, in the account that is shown. Undefined until it is known. */
  readonly role = computed<Role | undefined>(() =>
    this.account.organisation() === undefined ? "owner" : this.current()?.role,
  );

  /** They may look at what the shown account has, and it is known that they may not change it. */
  readonly readsOnly = computed(() => this.role() === "viewer");
  /** Whether the reader may make and change things in the account that is shown. The API judges again. */
  readonly mayWrite = computed(() => this.isAtLeast("developer"));
  /** Whether they may delete them. */
  readonly mayDelete = computed(() => this.isAtLeast("admin"));

  constructor() {
    // One that they have left, or that is gone.
    effect(() => {
      if (!this.list.hasValue() || this.list.isLoading()) return;
      if (untracked(this.current) === undefined) this.account.organisation.set(undefined);
    });
  }

  /** Whether the reader has this role in the account that is shown, or one that may more. */
  isAtLeast(role: Role): boolean {
    const own = this.role();
    return own !== undefined && roles.indexOf(own) >= roles.indexOf(role);
  }

  /** The reader's role in the account of this name; `owner` where nothing else is known, as in their own. */
  roleIn(name: string | undefined): Role {
    return this.organisations().find((each) => each.name === name)?.role ?? "owner";
  }

  /** Reads the list anew, and shows one of it; undefined for the reader's own account. */
  async show(name: string | undefined): Promise<void> {
    if (name !== undefined && !this.organisations().some((each) => each.name === name)) await this.#again();
    this.account.organisation.set(name);
  }

  /** One is called otherwise from now on, and stays shown. */
  renamed(before: string, change: Pick<Organisation, "name" | "displayName">): void {
    this.list.update((list) => list?.map((each) => (each.name === before ? { ...each, ...change } : each)));
    if (this.account.organisation() === before) this.account.organisation.set(change.name);
  }

  /** Reads the list anew: something about it was changed here. */
  refresh(): void {
    this.list.reload();
  }

  async #again(): Promise<void> {
    const items = await allOf<Organisation>((page) =>
      this.client.data(
        this.client.api.GET("/v1/accounts", { params: { query: { ...page, kind: "organisation" } } }),
      ),
    );
    this.list.set(items);
  }
}
