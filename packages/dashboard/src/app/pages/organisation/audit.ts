import { ChangeDetectionStrategy, Component, computed, inject, linkedSignal } from "@angular/core";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Empty } from "../../ui/empty.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { OrganisationPage } from "./organisation-page.ts";

type Entry = components["schemas"]["AuditEntry"];

interface Filter {
  readonly action?: string;
  readonly user?: string;
  readonly subject?: string;
}

/** Kinds of what is done, by how their actions begin. */
const kinds: readonly (readonly [prefix: string, name: string])[] = [
  ["worker.", "Workers"],
  ["environment.", "Environments"],
  ["domain.", "Domains"],
  ["route.", "Routes"],
  ["cron.", "Crons"],
  ["queue.", "Queues"],
  ["kv_namespace.", "KV"],
  ["storage_bucket.", "Storage"],
  ["database.", "Databases"],
  ["key.", "API keys"],
  ["member.", "Members"],
  ["organisation.", "Organisation"],
  ["account.", "Account"],
  ["session.", "Sessions"],
  ["password.", "Password"],
  ["two_factor.", "Two-factor sign-in"],
  ["github.", "GitHub"],
];

/** Who did what, in the account that is shown. */
@Component({
  selector: "ow-audit-log",
  imports: [Empty, OrganisationPage, PagedFoot, Time],
  templateUrl: "./audit.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class AuditLog {
  protected readonly kinds = kinds;
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly accounts = inject(Accounts);
  protected readonly filter = linkedSignal<Readonly<Record<string, string>>, Filter>({
    source: () => this.account.query(),
    computation: () => ({}),
  });
  protected readonly isFiltered = computed(() => Object.keys(this.filter()).length > 0);
  /** Why the reader may not; undefined when they may, or that is not known yet. */
  protected readonly refusal = computed(() => {
    const role = this.accounts.role();
    return role === undefined || this.accounts.isAtLeast("admin")
      ? undefined
      : `You are ${role} here: admins and owners read the audit log.`;
  });
  protected readonly log = new Paged<Entry>(() => {
    // Not before it is known that the reader may.
    if (!this.accounts.isAtLeast("admin")) return undefined;
    const query = { ...this.account.query(), ...this.filter() };
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/audit", {
          params: { query: cursor === undefined ? query : { ...query, cursor } },
          signal,
        }),
      );
  });

  protected narrow(name: keyof Filter, value: string): void {
    const { [name]: _, ...rest } = this.filter();
    this.filter.set(value.trim() === "" ? rest : { ...rest, [name]: value.trim() });
  }

  /** What is told besides, in few words. */
  protected detailsOf({ details }: Entry): string {
    return Object.entries(details)
      .filter(([, value]) => value !== null && value !== "")
      .map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`)
      .join(" · ");
  }
}
