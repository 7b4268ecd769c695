import {
  ChangeDetectionStrategy,
  Component,
  computed,
  inject,
  input,
  linkedSignal,
  resource,
} from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { LucidePlus, LucideSearch } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Empty } from "../../ui/empty.ts";
import { Page } from "../../ui/page.ts";
import { Paged, type ReadPage } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Counts, type DayOfWorker } from "./counts.ts";
import type { Worker } from "./current-worker.ts";
import { WorkersTable } from "./workers-table.ts";

/** `/workers`: all of an account, found by name. */
@Component({
  selector: "ow-worker-list",
  imports: [Empty, LucidePlus, LucideSearch, Page, PagedFoot, RouterLink, WorkersTable],
  templateUrl: "./list.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerList {
  /** In the address: what the names hold. */
  readonly search = input<string>();
  protected readonly accounts = inject(Accounts);
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly counts = inject(Counts);
  private readonly router = inject(Router);
  protected readonly workers = new Paged((): ReadPage<Worker> => {
    const search = this.search();
    const query = { ...this.account.query(), ...(search ? { search } : {}) };
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/workers", {
          params: { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } },
          signal,
        }),
      );
  });
  private readonly names = computed(() => this.workers.items().map(({ name }) => name), {
    equal: (a, b) => a.join() === b.join(),
  });
  private readonly read = resource({
    params: () => this.names(),
    loader: ({ params, abortSignal }) => this.counts.of(params, abortSignal),
  });
  // Of what was shown before until more is known: rows do not go blank when more are loaded.
  protected readonly days = linkedSignal<
    ReadonlyMap<string, DayOfWorker> | undefined,
    ReadonlyMap<string, DayOfWorker> | undefined
  >({
    source: () => (this.read.hasValue() ? this.read.value() : undefined),
    computation: (days, previous) => days ?? previous?.value,
  });

  protected find(text: string): void {
    void this.router.navigate([], { queryParams: { search: text.trim() || null }, replaceUrl: true });
  }
}
