/** Deaths in a row, without a request completed between, before a worker has to wait. */
const tolerated = 5;
const firstDelayMs = 1_000;
const longestDelayMs = 60_000;

/**
 * Exponential back-off for a worker that keeps dying before it completes a request. A worker that serves
 * and is now and then killed for one bad request is not made to wait.
 */
export class Backoff {
  #deaths = 0;
  #until = 0;

  /** Milliseconds until the next start is allowed; 0 when it is allowed now. */
  waitMs(now: number): number {
    return Math.max(0, this.#until - now);
  }

  get deaths(): number {
    return this.#deaths;
  }

  died(now: number): void {
    this.#deaths += 1;
    const excess = this.#deaths - tolerated;
    if (excess < 0) return;
    this.#until = now + Math.min(longestDelayMs, firstDelayMs * 2 ** excess);
  }

  served(): void {
    this.#deaths = 0;
    this.#until = 0;
  }
}
