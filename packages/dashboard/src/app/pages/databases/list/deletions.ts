import { Injectable, inject, signal } from "@angular/core";
import { Api } from "../../../api/api.ts";
import { messageOf } from "../../../api/failure.ts";
import { Account } from "../../../session/account.ts";
import { Confirm } from "../../../ui/confirm.ts";
import { Toasts } from "../../../ui/toasts.ts";
import type { Database } from "../types.ts";

/** A database on its way out. */
export interface Deletion {
  readonly id: string;
  readonly name: string;
  /** Why the last try failed; another follows. */
  readonly failure: string | null;
}

const pollMs = 1_000;

/** Deletes databases and follows how far that is: their dump is written first, which may take a while. */
@Injectable({ providedIn: "root" })
export class Deletions {
  readonly pending = signal<readonly Deletion[]>([]);
  /** Counts those that were done: what lists dumps reads it. */
  readonly done = signal(0);
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);

  /** Asks first. Resolves to whether its deletion has begun. @throws ApiError CONFLICT while a worker binds it */
  async delete({ id, name, kind }: Database): Promise<boolean> {
    const text =
      kind === "external"
        ? "The platform forgets its address and its tokens stop working. The server and all that is in it are left alone."
        : `All of its tables, and its tokens, are gone at once. A dump of it is kept for 7 days: ${dumpFile(name, id)} in database-dumps of the platform's data directory.`;
    if (
      !(await this.confirm.ask({
        title: `Delete ${name}?`,
        text,
        action: "Delete the database",
        typed: name,
      }))
    )
      return false;
    const query = this.account.query();
    await this.client.api.DELETE("/v1/databases/{database}", { params: { path: { database: id }, query } });
    this.pending.update((all) => [...all, { id, name, failure: null }]);
    void this.#follow(id, name);
    return true;
  }

  async #follow(id: string, name: string): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      try {
        const { done, failure, dump } = await this.client.data(
          this.client.api.GET("/v1/databases/{database}/deletion", {
            params: { path: { database: id } },
          }),
        );
        if (!done) {
          this.pending.update((all) => all.map((one) => (one.id === id ? { ...one, failure } : one)));
          continue;
        }
        this.toasts.done(dump === null ? `${name} is deleted.` : `${name} is deleted; its dump is kept.`);
      } catch (thrown) {
        // A database without a dump leaves nothing that could be asked about.
        if (thrown instanceof Error && "code" in thrown && thrown.code === "NOT_FOUND")
          this.toasts.done(`${name} is deleted.`);
        else this.toasts.failed(`Whether ${name} is deleted is not known: ${messageOf(thrown)}`);
      }
      this.pending.update((all) => all.filter((one) => one.id !== id));
      this.done.update((count) => count + 1);
      return;
    }
  }
}

/** Name of the file that a deleted database's dump is in. */
export function dumpFile(name: string, id: string): string {
  return `${name}-${id}.sql.gz`;
}
