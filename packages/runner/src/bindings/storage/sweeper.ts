import { type Database, sweepStorage } from "@openworkers/db";
import type { BindingServices } from "../plugin.ts";

const intervalMs = 60_000;

/** Sweeps what puts, overwrites and deletes leave in the database. Each of several runners does, at its own times. */
export class StorageSweeper implements AsyncDisposable {
  readonly #database: Database;
  readonly #report: BindingServices["report"];
  #stopped = false;
  #timer: ReturnType<typeof setTimeout>;
  #running: Promise<void> = Promise.resolve();

  constructor(database: Database, report: BindingServices["report"]) {
    this.#database = database;
    this.#report = report;
    this.#timer = this.#schedule();
  }

  #schedule(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(
      () => {
        this.#running = this.#sweep();
      },
      intervalMs * (0.5 + Math.random()),
    );
    timer.unref();
    return timer;
  }

  async #sweep(): Promise<void> {
    try {
      await sweepStorage(this.#database, { stopped: () => this.#stopped });
    } catch (error) {
      this.#report("Old contents of buckets could not be removed; the next attempt is in a minute.", {
        error,
      });
    }
    if (!this.#stopped) this.#timer = this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
