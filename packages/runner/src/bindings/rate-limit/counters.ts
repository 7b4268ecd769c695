import { createHash } from "node:crypto";
import type { RateLimit, UserId } from "@openworkers/core";

interface Window {
  readonly endsAt: number;
  count: number;
}

/** Keys of one owner that are counted at a time. With more, those whose period began first are forgotten. */
export const maxKeys = 50_000;
/** Longer keys are counted by their hash, so that each takes about as much memory. */
const maxKeyLength = 64;

/**
 * Counts calls by owner, namespace and key. A period begins with the first call of its key. One owner's keys displace
 * none of another's.
 */
export class RateCounters {
  readonly #owners = new Map<UserId, Map<string, Window>>();

  /** Counts a call at `now` (milliseconds) and returns whether it is within the limit. */
  take(owner: UserId, { namespace, limit, periodSeconds }: RateLimit, key: string, now: number): boolean {
    let windows = this.#owners.get(owner);
    if (windows === undefined) {
      windows = new Map();
      this.#owners.set(owner, windows);
    }
    const short = key.length > maxKeyLength ? createHash("sha256").update(key).digest("base64") : key;
    const name = `${periodSeconds}:${namespace.length}:${namespace}:${short}`;
    const found = windows.get(name);
    if (found !== undefined && found.endsAt > now) {
      found.count += 1;
      return found.count <= limit;
    }
    windows.delete(name);
    windows.set(name, { endsAt: now + periodSeconds * 1_000, count: 1 });
    const oldest = windows.keys().next().value;
    if (windows.size > maxKeys && oldest !== undefined) windows.delete(oldest);
    return true;
  }

  /** Forgets periods that have ended. */
  sweep(now: number): void {
    for (const [owner, windows] of this.#owners) {
      for (const [name, { endsAt }] of windows) if (endsAt <= now) windows.delete(name);
      if (windows.size === 0) this.#owners.delete(owner);
    }
  }

  /** Keys that are counted. */
  get size(): number {
    return [...this.#owners.values()].reduce((sum, windows) => sum + windows.size, 0);
  }
}
