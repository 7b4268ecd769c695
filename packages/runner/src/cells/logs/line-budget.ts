/** Lines per second that a cell may write for long, and at once. */
const perSecond = 1_000;
const burst = 2_000;

/** A token bucket over a cell's lines. What does not pass is counted. */
export class LineBudget {
  readonly #now: () => number;
  #tokens = burst;
  #filledAt: number;
  #dropped = 0;

  /** `now` in milliseconds, from any beginning. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#filledAt = now();
  }

  /** Whether one more line may pass. */
  take(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * perSecond) / 1_000);
    this.#filledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return true;
    }
    this.#dropped += 1;
    return false;
  }

  /** How many lines were refused since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
