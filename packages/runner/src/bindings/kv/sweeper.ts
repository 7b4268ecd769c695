import { type Database, sweepKv } from "@openworkers/db";
import type { BindingServices } from "../plugin.ts";

const intervalMs = 60_000;
/** No request lives as long, so nobody still reads or writes a value that has been nobody's for so long. */
const keepMs = 3_600_000;

/** Sweeps KV's tables from time to time. Each of several runners does, at times of its own. */
export class KvSweeper implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #database: Database;
  readonly #report: BindingServices["report"];
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
      await sweepKv(this.#database, { keepMs, signal: this.#stop.signal });
    } catch (error) {
      this.#report("Expired KV entries could not be removed; the next attempt is in a minute.", { error });
    }
    if (!this.#stop.signal.aborted) this.#timer = this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }
}
