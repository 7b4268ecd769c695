import { ChangeDetectionStrategy, Component, computed, inject, resource } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucidePlus } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Load } from "../../ui/load.ts";
import { Page } from "../../ui/page.ts";
import { Sparkline } from "../../ui/sparkline.ts";
import { Time } from "../../ui/time.ts";
import { Counts, inAll } from "../worker/counts.ts";
import { LiveVersions } from "../worker/live-versions.ts";
import { formatCount, formatShare } from "../worker/numbers.ts";
import { WorkersTable } from "../worker/workers-table.ts";
import { FirstSteps } from "./first-steps.ts";

const shownWorkers = 10;
const shownDeployments = 8;

/** `/`: what an account has and what went on in it during the last day. */
@Component({
  selector: "ow-overview",
  imports: [FirstSteps, LiveVersions, Load, LucidePlus, Page, RouterLink, Sparkline, Time, WorkersTable],
  templateUrl: "./overview.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Overview {
  protected readonly accounts = inject(Accounts);
  private readonly client = inject(Api);
  private readonly counts = inject(Counts);
  private readonly query = inject(Account).query;
  protected readonly formatCount = formatCount;
  protected readonly formatShare = formatShare;
  protected readonly workers = resource({
    params: () => this.query(),
    loader: ({ params, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/workers", { params: { query: { ...params, limit: 100 } }, signal }),
      ),
  });
  protected readonly stats = resource({
    params: () => this.query(),
    loader: ({ abortSignal }) => this.counts.ofAccount(abortSignal),
  });
  protected readonly deployments = resource({
    params: () => this.query(),
    loader: ({ params, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/deployments", {
          params: { query: { ...params, limit: shownDeployments } },
          signal,
        }),
      ),
  });
  protected readonly failing = resource({
    params: () => this.query(),
    loader: ({ params: query, abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/crons/failing", { params: { query }, signal })),
  });
  protected readonly days = computed(() => (this.stats.hasValue() ? this.stats.value() : undefined));
  protected readonly total = computed(() => {
    const days = this.days();
    return days === undefined ? undefined : inAll(days.values());
  });
  protected readonly count = computed(() => {
    if (!this.workers.hasValue()) return undefined;
    const { items, nextCursor } = this.workers.value();
    return nextCursor === null ? String(items.length) : `${items.length}+`;
  });
  /** The busiest, then by name. */
  protected readonly busiest = computed(() => {
    const days = this.days();
    const all = this.workers.hasValue() ? this.workers.value().items : [];
    const requests = (name: string) => days?.get(name)?.requests ?? 0;
    return all.toSorted((a, b) => requests(b.name) - requests(a.name)).slice(0, shownWorkers);
  });
}
