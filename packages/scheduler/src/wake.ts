/** setTimeout takes longer waits for none at all. */
const longestMs = 2 ** 31 - 1;

/** A sleep that can be cut short, also before it begins. */
export class Wake {
  #woken = Promise.withResolvers<void>();

  /** Ends the sleep under way, or the next one. */
  now(): void {
    this.#woken.resolve();
  }

  /** Resolves after `ms`, which may be infinite, when `now` is called, or when `signal` aborts. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const timer = ms < longestMs ? setTimeout(resolve, Math.max(0, ms)) : undefined;
    const abort = () => resolve();
    signal.addEventListener("abort", abort);
    await Promise.race([over, this.#woken.promise]);
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    this.#woken = Promise.withResolvers();
  }
}
