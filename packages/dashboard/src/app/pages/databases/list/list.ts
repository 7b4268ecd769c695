import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  resource,
  signal,
} from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideCopy, LucidePlus, LucideTrash2 } from "@lucide/angular";
import { Api } from "../../../api/api.ts";
import { messageOf } from "../../../api/failure.ts";
import { Account } from "../../../session/account.ts";
import { Accounts } from "../../../session/accounts.ts";
import { Empty } from "../../../ui/empty.ts";
import { Load } from "../../../ui/load.ts";
import { Page } from "../../../ui/page.ts";
import { Time } from "../../../ui/time.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { Size } from "../size.ts";
import type { Database } from "../types.ts";
import { CreateDatabase } from "./create.ts";
import { Deletions } from "./deletions.ts";
import { KeptDumps } from "./dumps.ts";
import { DatabaseUsers } from "./users.ts";

@Component({
  selector: "ow-databases",
  imports: [
    ...[CreateDatabase, DatabaseUsers, Empty, KeptDumps, Load, LucideCopy, LucidePlus, LucideTrash2],
    ...[Page, RouterLink, Size, Time],
  ],
  templateUrl: "./list.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class DatabaseList {
  protected readonly accounts = inject(Accounts);
  protected readonly deletions = inject(Deletions);
  protected readonly creating = signal(false);
  /** Id of the database that a copy is asked of. */
  protected readonly source = signal<string | undefined>(undefined);
  protected readonly loadingMore = signal(false);
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly toasts = inject(Toasts);
  protected readonly list = resource({
    params: () => this.account.query(),
    loader: ({ params, abortSignal }) => this.#page(params, abortSignal),
  });
  protected readonly databases = computed(() => (this.list.hasValue() ? this.list.value().items : []));

  constructor() {
    let seen = this.deletions.done();
    effect(() => {
      if (this.deletions.done() === seen) return;
      seen = this.deletions.done();
      this.list.reload();
    });
  }

  protected create(source?: string): void {
    this.source.set(source);
    this.creating.set(true);
  }

  protected async more(): Promise<void> {
    const { items, nextCursor } = this.list.value() ?? { items: [], nextCursor: null };
    if (nextCursor === null || this.loadingMore()) return;
    this.loadingMore.set(true);
    try {
      const page = await this.#page({ ...this.account.query(), cursor: nextCursor });
      this.list.set({ items: [...items, ...page.items], nextCursor: page.nextCursor });
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    } finally {
      this.loadingMore.set(false);
    }
  }

  protected async delete(database: Database): Promise<void> {
    try {
      if (!(await this.deletions.delete(database))) return;
      this.list.update(
        (page) => page && { ...page, items: page.items.filter(({ id }) => id !== database.id) },
      );
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
  }

  #page(query: { account?: string; cursor?: string }, signal?: AbortSignal) {
    return this.client.data(
      this.client.api.GET("/v1/databases", {
        params: { query: { ...query, limit: 50 } },
        ...(signal === undefined ? {} : { signal }),
      }),
    );
  }
}
