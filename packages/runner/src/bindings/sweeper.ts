import type { BindingServices } from "./plugin.ts";

const intervalMs = 60_000;

export interface SweeperOptions {
  /** Removes what is nobody's any more. Ends early, and in peace, when `signal` aborts. */
  readonly sweep: (signal: AbortSignal) => Promise<unknown>;
  /** What the operator is told when it fails: what was not removed. */
  readonly failure: string;
  readonly report: BindingServices["report"];
}

/** Sweeps a kind's tables about once a minute. Each of several runners does, at times of its own. */
export class Sweeper implements AsyncDisposable {
  readonly #options: SweeperOptions;
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout>;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SweeperOptions) {
    this.#options = options;
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
    const { sweep, failure, report } = this.#options;
    try {
      await sweep(this.#stop.signal);
    } catch (error) {
      report(`${failure}; the next attempt is in a minute.`, { error });
    }
    if (!this.#stop.signal.aborted) this.#timer = this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }
}
