/** As Apache's mod_reqtimeout has it (`RequestReadTimeout body=20,MinRate=500`). */
const minBytesPerSecond = 500;

/**
 * Judges how a client sends a request body that its worker waits for: it must not be silent for longer than
 * `pauseMs` at a time, nor keep the worker waiting for ever in sips that each come in time.
 */
export class BodyPace {
  readonly #pauseMs: number;
  #lastCheck: number;
  #pausedSince: number | undefined;
  #waitedMs = 0;

  constructor(pauseMs: number, now: number) {
    this.#pauseMs = pauseMs;
    this.#lastCheck = now;
  }

  /** Something came. */
  progress(): void {
    this.#pausedSince = undefined;
  }

  /** The worker is busy with what it has: this time is not the client's. */
  skip(now: number): void {
    this.#lastCheck = now;
    this.#pausedSince = undefined;
  }

  /**
   * Whether the client has used up its time, the worker having waited since the last call.
   *
   * @param bytes how much of the body has come
   * @param answering the worker is answering already: a dialogue may rest, but still not for too long at once
   */
  tooSlow(now: number, bytes: number, answering: boolean): boolean {
    this.#pausedSince ??= now;
    this.#waitedMs += now - this.#lastCheck;
    this.#lastCheck = now;
    const earnedMs = this.#pauseMs + (bytes / minBytesPerSecond) * 1_000;
    return now - this.#pausedSince > this.#pauseMs || (!answering && this.#waitedMs > earnedMs);
  }
}
