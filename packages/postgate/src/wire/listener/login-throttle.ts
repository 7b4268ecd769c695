import { isOpenWorkersError } from "@openworkers/core";
import { addressBlock } from "./address-block.ts";

/** Failures that cost nothing: people mistype. */
const freeFailures = 3;
const firstDelayMs = 250;
const longestDelayMs = 5_000;
/** Failures are forgotten after this long without one. */
const forgetMs = 10 * 60_000;
/** Addresses remembered at a time; those that failed longest ago are forgotten first. */
const maxAddresses = 10_000;

interface Failures {
  readonly count: number;
  readonly lastMs: number;
}

/** The clock, for tests. */
export interface ThrottleClock {
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Slows down those who try tokens: the refusal comes the later the more often their address has failed, and holds its
 * place at the door until then. A token that is good is not slowed: one address may be that of many behind a proxy.
 */
export class LoginThrottle {
  readonly #failures = new Map<string, Failures>();
  readonly #clock: ThrottleClock;

  constructor(clock: ThrottleClock = { now: Date.now, sleep: Bun.sleep }) {
    this.#clock = clock;
  }

  /** What `check` gives. An UNAUTHORIZED that it throws is a failure, and thrown when its time has come. */
  async attempt<T>(address: string, check: () => Promise<T>): Promise<T> {
    try {
      return await check();
    } catch (thrown) {
      if (isOpenWorkersError(thrown, "UNAUTHORIZED")) {
        const excess = this.#failed(addressBlock(address)) - freeFailures;
        if (excess > 0) await this.#clock.sleep(Math.min(firstDelayMs * 2 ** (excess - 1), longestDelayMs));
      }
      throw thrown;
    }
  }

  /** How often the address has failed. */
  #failed(block: string): number {
    const now = this.#clock.now();
    const before = this.#failures.get(block);
    const count = before === undefined || now - before.lastMs > forgetMs ? 1 : before.count + 1;
    // The last in the map is the one that failed last.
    this.#failures.delete(block);
    this.#failures.set(block, { count, lastMs: now });
    for (const [oldest] of this.#failures) {
      if (this.#failures.size <= maxAddresses) break;
      this.#failures.delete(oldest);
    }
    return count;
  }
}
