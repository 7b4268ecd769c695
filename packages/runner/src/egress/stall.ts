import type { Wire } from "@openworkers/core";

/** What to do about a peer that takes nothing. */
export type StallVerdict = "wait" | "look" | "over";

/**
 * Watches a connection whose peer does not take what is written. The side that writes is paused then, and Bun 1.4.5 does
 * not tell that a paused socket's peer has left: it must be read from to find out. Each look may take in another
 * read's worth of bytes, so they are made ever more rarely.
 */
export class Stall {
  readonly #lookMs: number;
  readonly #overMs: number;
  #written = -1;
  #since = 0;
  #looks = 0;

  constructor(options: { readonly lookMs: number; readonly overMs: number }) {
    this.#lookMs = options.lookMs;
    this.#overMs = options.overMs;
  }

  /** Called every second or so, with the connection that is written to. */
  check(now: number, { blocked, written }: Wire): StallVerdict {
    if (!blocked || written !== this.#written) {
      this.#written = written;
      this.#since = now;
      this.#looks = 0;
      return "wait";
    }
    const stalledMs = now - this.#since;
    if (stalledMs > this.#overMs) return "over";
    if (stalledMs < this.#lookMs * 2 ** this.#looks) return "wait";
    this.#looks++;
    return "look";
  }
}
