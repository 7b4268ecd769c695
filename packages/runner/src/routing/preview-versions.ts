import { OpenWorkersError } from "@openworkers/core";
import type { FoundVersion } from "@openworkers/db";
import { type Target, targetKey } from "../cells/target.ts";
import { Targets } from "./routing-table.ts";

export type FindVersion = (worker: string, version: number) => Promise<FoundVersion | undefined>;

export interface PreviewOptions {
  /** How long an answer from the database is believed without asking again. Default 30 s, 5 s for "none". */
  readonly foundMs?: number;
  readonly missingMs?: number;
  /** Answers kept. Default 1,000. */
  readonly maxEntries?: number;
  /** Questions to the database at a time, and waiting. Default 4 and 256. */
  readonly maxLookups?: number;
  readonly maxWaiting?: number;
}

interface Entry {
  readonly worker: string;
  readonly target: Target | undefined;
  readonly expiresAt: number;
}

/**
 * Versions that are not live, looked up when somebody previews them. Anybody can ask for a version that does
 * not exist: what is remembered, asked at a time, and waiting to be asked is bounded.
 */
export class PreviewVersions {
  readonly #find: FindVersion;
  readonly #options: Required<PreviewOptions>;
  readonly #targets = new Targets();
  readonly #entries = new Map<string, Entry>();
  readonly #lookups = new Map<string, Promise<Target | undefined>>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  /** Grows with every `forget`: an answer asked for before is not kept. */
  #generation = 0;

  constructor(find: FindVersion, options: PreviewOptions = {}) {
    this.#find = find;
    this.#options = {
      foundMs: 30_000,
      missingMs: 5_000,
      maxEntries: 1_000,
      maxLookups: 4,
      maxWaiting: 256,
      ...options,
    };
  }

  /** Rejects with OpenWorkersError DATABASE_UNAVAILABLE when it was never seen, or OVERLOADED. */
  resolve(worker: string, version: number): Target | undefined | Promise<Target | undefined> {
    const key = `${version}--${worker}`;
    const entry = this.#entries.get(key);
    if (entry !== undefined && performance.now() < entry.expiresAt) {
      // The last used is the last to be forgotten.
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return entry.target;
    }
    let lookup = this.#lookups.get(key);
    if (lookup === undefined) {
      if (this.#waiting.length >= this.#options.maxWaiting) {
        return Promise.reject(new OpenWorkersError("OVERLOADED", "Too many previews are being looked up."));
      }
      lookup = this.#lookUp(key, worker, version, entry).finally(() => this.#lookups.delete(key));
      this.#lookups.set(key, lookup);
    }
    return lookup;
  }

  /** Whether `target` was previewed and nothing that it depends on has changed since. */
  has(target: Target): boolean {
    const previewed = this.#entries.get(`${target.version}--${target.worker}`)?.target;
    return previewed !== undefined && targetKey(previewed) === targetKey(target);
  }

  /** What is known of a worker's versions, or of all, may have changed. */
  forget(worker?: string): void {
    this.#generation++;
    for (const [key, entry] of this.#entries) {
      if (worker === undefined || entry.worker === worker) this.#entries.delete(key);
    }
  }

  async #lookUp(
    key: string,
    worker: string,
    version: number,
    stale: Entry | undefined,
  ): Promise<Target | undefined> {
    if (this.#running >= this.#options.maxLookups) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    const generation = this.#generation;
    try {
      const found = await this.#find(worker, version);
      const target = found === undefined ? undefined : this.#targets.of(found, found);
      if (generation === this.#generation) this.#keep(key, worker, target);
      return target;
    } catch (thrown) {
      // With the database away, what was true the last time is the best there is.
      if (stale?.target !== undefined) return stale.target;
      throw thrown;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #keep(key: string, worker: string, target: Target | undefined): void {
    const { foundMs, missingMs, maxEntries } = this.#options;
    this.#entries.delete(key);
    this.#entries.set(key, {
      worker,
      target,
      expiresAt: performance.now() + (target === undefined ? missingMs : foundMs),
    });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries) break;
      this.#entries.delete(oldest);
    }
    // Without it every version ever previewed would stay.
    if (this.#entries.size % 64 === 0) this.#targets.turn();
  }
}
