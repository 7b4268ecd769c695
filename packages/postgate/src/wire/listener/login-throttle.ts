import { isOpenWorkersError } from "@openworkers/core";
import { addressBlock } from "./address-block.ts";

/** Failures that cost nothing: people mistype. */
const freeFailures = 3;
const firstDelayMs = 250;
const longestDelayMs = 10_000;
/** Failures are forgotten after this long without one. */
const forgetMs = 10 * 60_000;
/** Addresses remembered at a time; those that failed longest ago are forgotten first. */
const maxAddresses = 10_000;

interface Record {
  failures: number;
  lastMs: number;
  /** Attempts from this address go one after another. */
  tail: Promise<unknown>;
}

/** Slows down those who try tokens: per address, more with each failure, one attempt at a time. */
export class LoginThrottle {
  readonly #records = new Map<string, Record>();
  readonly #sleep: (ms: number) => Promise<void>;

  constructor(sleep: (ms: number) => Promise<void> = Bun.sleep) {
    this.#sleep = sleep;
  }

  /** What `check` gives, later when the address has failed before. An UNAUTHORIZED counts as a failure. */
  async attempt<T>(address: string, check: () => Promise<T>, now: () => number = Date.now): Promise<T> {
    const block = addressBlock(address);
    const record = this.#records.get(block);
    if (record !== undefined && now() - record.lastMs > forgetMs) this.#records.delete(block);
    else if (record !== undefined && record.failures > freeFailures) {
      const turn = record.tail.then(async () => {
        await this.#sleep(Math.min(firstDelayMs * 2 ** (record.failures - freeFailures - 1), longestDelayMs));
        return this.#check(block, check, now);
      });
      record.tail = turn.catch(() => {});
      return turn;
    }
    return this.#check(block, check, now);
  }

  async #check<T>(block: string, check: () => Promise<T>, now: () => number): Promise<T> {
    try {
      const result = await check();
      this.#records.delete(block);
      return result;
    } catch (thrown) {
      if (isOpenWorkersError(thrown, "UNAUTHORIZED")) this.#failed(block, now());
      throw thrown;
    }
  }

  #failed(block: string, nowMs: number): void {
    const record = this.#records.get(block) ?? { failures: 0, lastMs: nowMs, tail: Promise.resolve() };
    record.failures++;
    record.lastMs = nowMs;
    // The last in the map is the one that failed last.
    this.#records.delete(block);
    this.#records.set(block, record);
    for (const [oldest] of this.#records) {
      if (this.#records.size <= maxAddresses) break;
      this.#records.delete(oldest);
    }
  }
}
