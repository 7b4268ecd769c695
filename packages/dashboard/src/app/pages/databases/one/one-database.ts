import { computed, Injectable, inject, resource, signal } from "@angular/core";
import { allOf } from "@openworkers/client";
import { Api } from "../../../api/api.ts";
import { Account } from "../../../session/account.ts";
import { Accounts } from "../../../session/accounts.ts";
import { type Query, type Result, run } from "../sql/queries.ts";
import type { Table } from "../sql/rows.ts";

/** The database that a page is about, for all of its tabs. */
@Injectable()
export class OneDatabase {
  /** As the address names it. */
  readonly name = signal("");
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  /** Whether the reader may change it and what is in it. */
  readonly mayWrite = inject(Accounts).mayWrite;
  readonly mayDelete = inject(Accounts).mayDelete;
  private readonly asked = computed(() => ({ database: this.name(), query: this.account.query() }));

  readonly details = resource({
    params: () => (this.name() === "" ? undefined : this.asked()),
    loader: ({ params: { database, query }, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/databases/{database}", { params: { path: { database }, query }, signal }),
      ),
  });

  /** All tables and views; asked for when something reads it. */
  readonly tables = resource<readonly Table[], ReturnType<typeof this.asked> | undefined>({
    params: () => (this.name() === "" ? undefined : this.asked()),
    loader: ({ params: { database, query } = this.asked(), abortSignal: signal }) =>
      allOf((page) =>
        this.client.data(
          this.client.api.GET("/v1/databases/{database}/tables", {
            params: { path: { database }, query: { ...query, ...page } },
            signal,
          }),
        ),
      ),
  });

  readonly known = computed(() => (this.details.hasValue() ? this.details.value() : undefined));
  readonly knownTables = computed(() => (this.tables.hasValue() ? this.tables.value() : []));

  /** For the requests of the tabs. */
  get at() {
    const { database, query } = this.asked();
    return { path: { database }, query };
  }

  /** @throws ApiError as `run` */
  run(query: Query, signal?: AbortSignal): Promise<readonly Result[]> {
    return run(this.client, this.name(), this.account.query(), query, signal);
  }
}
