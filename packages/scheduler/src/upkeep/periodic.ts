import { messageOf, type Report } from "@openworkers/core";
import { Wake } from "../wake.ts";

/** Does something again and again, at times of its own: several schedulers should not do it all at once. */
export class Periodic implements AsyncDisposable {
  readonly #stopped = new AbortController();
  readonly #loop: Promise<void>;

  /** @param failure what is reported, once for each row of failures */
  constructor(everyMs: number, failure: string, work: () => Promise<unknown>, report: Report) {
    this.#loop = this.#run(everyMs, failure, work, report);
  }

  async #run(everyMs: number, failure: string, work: () => Promise<unknown>, report: Report): Promise<void> {
    const { signal } = this.#stopped;
    const wake = new Wake();
    let failing = false;
    for (;;) {
      await wake.sleep(everyMs * (0.75 + Math.random() / 2), signal);
      if (signal.aborted) return;
      try {
        await work();
        failing = false;
      } catch (thrown) {
        if (!failing) report(failure, { error: messageOf(thrown) });
        failing = true;
      }
    }
  }

  /** Waits for what is being done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }
}
