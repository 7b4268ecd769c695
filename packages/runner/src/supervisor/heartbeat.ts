/** A sign of life this young makes a question needless: a busy cell that ends requests gives one all the time. */
const signMs = 10;
/** But not for longer than this: a request also ends when its client leaves, which proves nothing. */
const trustMs = 30;

/**
 * Asks a cell's event loop for a sign of life. The answer is made by workerd without running JavaScript, so
 * silence means that one turn of the worker's own code does not end.
 */
export class Heartbeat {
  readonly #socketPath: string;
  readonly #abort = new AbortController();
  /** The cell's CPU clock when the unanswered question was asked. */
  #askedAtCpuMs: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #lastSignAt: number;

  constructor(socketPath: string, now: number) {
    this.#socketPath = socketPath;
    this.#lastSignAt = now;
  }

  /** When the event loop was last known to turn (`performance.now()`). */
  get lastSignAt(): number {
    return this.#lastSignAt;
  }

  /** CPU the cell has used since it was asked and did not answer; 0 when no question is open. */
  silentCpuMs(cpuMs: number): number {
    return this.#askedAtCpuMs === undefined ? 0 : cpuMs - this.#askedAtCpuMs;
  }

  /** Another proof of life than an answer: a request that ended. */
  sign(now: number): void {
    this.#lastSignAt = now;
  }

  /** Asks, unless a question is open or the last sign of life is recent. */
  ask(now: number, cpuMs: number): void {
    if (this.#askedAtCpuMs !== undefined) return;
    if (now - this.#lastSignAt < signMs && now - this.#askedAt < trustMs) return;
    this.#askedAt = now;
    this.#askedAtCpuMs = cpuMs;
    fetch("http://cell/alive", { unix: this.#socketPath, signal: this.#abort.signal })
      .then((response) => response.arrayBuffer())
      .then(
        () => this.sign(performance.now()),
        // The cell ended or closed the connection: its exit says the rest.
        () => undefined,
      )
      .finally(() => {
        this.#askedAtCpuMs = undefined;
      });
  }

  stop(): void {
    this.#abort.abort();
  }
}
