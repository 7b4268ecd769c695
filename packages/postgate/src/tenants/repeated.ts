/** Work that is done again and again, never twice at once, until it is disposed of. */
export class Repeated implements AsyncDisposable {
  readonly #stop = Promise.withResolvers<void>();
  readonly #done: Promise<void>;
  #stopped = false;

  /** `onError` is told of each failure; the work goes on with the next turn. */
  constructor(work: () => Promise<void>, everyMs: number, onError: (thrown: unknown) => void) {
    this.#done = this.#run(work, everyMs, onError);
  }

  async #run(work: () => Promise<void>, everyMs: number, onError: (thrown: unknown) => void): Promise<void> {
    while (!this.#stopped) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const pause = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, everyMs);
        timer.unref();
      });
      await Promise.race([pause, this.#stop.promise]);
      clearTimeout(timer);
      if (this.#stopped) return;
      try {
        await work();
      } catch (thrown) {
        onError(thrown);
      }
    }
  }

  /** Returns when no work is under way and none will be. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#stop.resolve();
    await this.#done;
  }
}
