import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { type DatabaseId, messageOf } from "@openworkers/core";
import {
  databaseRow,
  databaseRows,
  deleteExpiredTokens,
  deletionFailed,
  expiredDumps,
  forgetDump,
} from "@openworkers/db";
import type { PlatformDirectory } from "../directory.ts";
import { Deletion, type DeletionOptions } from "./deletion.ts";

export interface HousekeepingOptions extends DeletionOptions {
  readonly tenants: PlatformDirectory;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
  /** Between two sweeps; a minute unless given. */
  readonly everyMs?: number;
}

/** A deletion that failed is tried again after this long, twice as long each time, and at once when its owner changes it. */
const retryMs = { first: 60_000, longest: 3_600_000 };
/** What is kept of the reason. */
const reasonLength = 500;

/**
 * Does for databases what nobody waits for: finishes deletions, puts new limits into force, lets dumps expire, says what on
 * the server belongs to nobody. Acts when told of a change, and looks at all of it from time to time.
 */
export class Housekeeping implements AsyncDisposable {
  readonly deletion: Deletion;
  readonly #options: HousekeepingOptions;
  readonly #stopping = new AbortController();
  readonly #changes: Disposable;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #orphans = new Set<DatabaseId>();
  /** Deletions that failed: when they are tried again, and how long was waited for it. */
  readonly #failed = new Map<DatabaseId, { readonly againMs: number; readonly waitMs: number }>();
  /** What is to be looked at; undefined: everything. In order, each once. */
  readonly #due = new Set<DatabaseId | undefined>([undefined]);
  /** Whether changes were made that nobody was told of: before we were there, or while we were not connected. */
  #missed = true;
  #working: Promise<void> | undefined;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.deletion = new Deletion(options);
    this.#changes = options.tenants.onChange((id) => {
      if (id === undefined) this.#missed = true;
      this.#add(id);
    });
    this.#timer = setInterval(() => this.#add(undefined), options.everyMs ?? 60_000);
    this.#add(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#timer);
    this.#changes[Symbol.dispose]();
    await this.#working;
  }

  #add(id: DatabaseId | undefined): void {
    this.#due.add(id);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    for (const id of this.#due) {
      if (this.#stopping.signal.aborted) return;
      this.#due.delete(id);
      if (id === undefined) await this.#sweep();
      else await this.#attempt("A database could not be looked after.", { id }, () => this.#look(id));
    }
  }

  async #look(id: DatabaseId): Promise<void> {
    const row = await databaseRow(this.#options.database, id);
    if (row?.state === "deleting") await this.#delete(row);
    else if (row?.state === "ready" && row.kind === "platform") {
      await this.#options.server.applyLimits(id, row.limits);
    }
  }

  async #delete({ id, name }: { readonly id: DatabaseId; readonly name: string }): Promise<void> {
    await this.#attempt("A database could not be deleted; it is tried again.", { name, id }, async () => {
      try {
        await this.deletion.finish(id, this.#stopping.signal);
      } catch (thrown) {
        if (this.#stopping.signal.aborted) throw thrown;
        const waited = this.#failed.get(id)?.waitMs;
        const waitMs = waited === undefined ? retryMs.first : Math.min(2 * waited, retryMs.longest);
        this.#failed.set(id, { againMs: Date.now() + waitMs, waitMs });
        await deletionFailed(this.#options.database, id, messageOf(thrown).slice(0, reasonLength));
        throw thrown;
      }
    });
  }

  async #sweep(): Promise<void> {
    const { database, server, tenants } = this.#options;
    await this.#attempt("Databases that are being deleted could not be listed.", {}, async () => {
      const deleting = await databaseRows(database, "deleting");
      const there = new Set(deleting.map(({ id }) => id));
      for (const id of this.#failed.keys()) if (!there.has(id)) this.#failed.delete(id);
      for (const row of deleting) {
        if ((this.#failed.get(row.id)?.againMs ?? 0) <= Date.now()) await this.#delete(row);
      }
    });
    if (this.#missed) await this.#applyAll();
    await this.#attempt("Old dumps could not be removed.", {}, async () => {
      for (const { id, path } of await expiredDumps(database, hostname())) {
        await rm(path, { force: true });
        await forgetDump(database, id);
      }
    });
    await this.#attempt("The use of tokens could not be written down.", {}, async () => {
      await tenants.recordUse();
      await deleteExpiredTokens(database);
    });
    await this.#attempt("The tenants' server could not be looked through.", {}, async () => {
      // First what is on the server: a row is there before its database, and goes after it.
      const found = await server.list();
      const rows = await databaseRows(database);
      const known = new Set(rows.map(({ id }) => id));
      const ready = new Set(rows.filter(({ state }) => state === "ready").map(({ id }) => id));
      for (const { id, state } of found) {
        if (ready.has(id) && state === "unfinished") await this.#renewFences(id);
        if (known.has(id) || this.#orphans.has(id)) continue;
        this.#orphans.add(id);
        this.#options.report("A database on the tenants' server belongs to nobody of this platform.", {
          id,
          state,
        });
      }
    });
  }

  /** Of a database that an older platform made. */
  async #renewFences(id: DatabaseId): Promise<void> {
    await this.#attempt("The fences of a database could not be brought up to date.", { id }, async () => {
      await this.#options.server.renewFences(id);
    });
  }

  async #applyAll(): Promise<void> {
    const { database, server } = this.#options;
    const what = "The limits of a database could not be put into force.";
    await this.#attempt(what, {}, async () => {
      const rows = await databaseRows(database, "ready");
      this.#missed = false;
      for (const { id, name, kind, limits } of rows) {
        if (kind === "platform")
          await this.#attempt(what, { name, id }, () => server.applyLimits(id, limits));
      }
    });
  }

  async #attempt(
    message: string,
    details: Record<string, unknown>,
    work: () => Promise<void>,
  ): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    try {
      await work();
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      this.#options.report(message, { ...details, error: messageOf(thrown) });
    }
  }
}
