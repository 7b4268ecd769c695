import type { WorkerId } from "@openworkers/core";
import type { Place } from "../../subrequests/places.ts";
import { FairLine } from "./fair-line.ts";

export interface FairTurnsOptions {
  /** How many turns there are at a time. */
  readonly count: number;
  /** How many of them one worker may have. */
  readonly perWorker: number;
  /** How many may wait for one, of one worker. */
  readonly maxWaiting: number;
  /**
   * A turn that takes longer, in milliseconds, counts as its worker's from then on, and no longer among all: a few
   * workers that never end would have every turn otherwise. All count until they end without.
   */
  readonly longMs?: number;
}

/** Turns that workers take: whoever waits gets the next one worker by worker, however much one of them asks for. */
export class FairTurns {
  readonly #perWorker: number;
  readonly #longMs: number | undefined;
  readonly #held = new Map<WorkerId, number>();
  readonly #line: FairLine<() => void>;
  #free: number;

  constructor({ count, perWorker, maxWaiting, longMs }: FairTurnsOptions) {
    this.#free = count;
    this.#longMs = longMs;
    this.#perWorker = perWorker;
    this.#line = new FairLine(maxWaiting);
  }

  /** A turn that is free now, if there is one for the worker. */
  takeFree(worker: WorkerId): Place | undefined {
    // Nobody is overtaken: of those who wait, none may have what is free.
    if (this.#free <= 0 || !this.#mayHave(worker)) return undefined;
    this.#enter(worker);
    return this.#turnOf(worker);
  }

  /**
   * @param signal lets go of what waits when it aborts; what comes afterwards is tidying up, and waits like others
   * @throws OpenWorkersError SUBREQUEST_LIMIT when too much of this worker's waits; the signal's reason
   */
  async take(worker: WorkerId, signal: AbortSignal): Promise<Place> {
    const free = this.takeFree(worker);
    if (free !== undefined) return free;
    await this.#wait(worker, signal);
    return this.#turnOf(worker);
  }

  #turnOf(worker: WorkerId): Place {
    let over = false;
    let isLong = false;
    const becomeLong = () => {
      isLong = true;
      this.#free += 1;
      this.#serve();
    };
    const timer = this.#longMs === undefined ? undefined : setTimeout(becomeLong, this.#longMs);
    return {
      [Symbol.dispose]: () => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        if (!isLong) this.#free += 1;
        this.#leave(worker);
      },
    };
  }

  #mayHave(worker: WorkerId): boolean {
    return (this.#held.get(worker) ?? 0) < this.#perWorker;
  }

  #enter(worker: WorkerId): void {
    this.#free -= 1;
    this.#held.set(worker, (this.#held.get(worker) ?? 0) + 1);
  }

  #leave(worker: WorkerId): void {
    const held = (this.#held.get(worker) ?? 0) - 1;
    if (held > 0) this.#held.set(worker, held);
    else this.#held.delete(worker);
    this.#serve();
  }

  #serve(): void {
    while (this.#free > 0) {
      const start = this.#line.next((waiting) => this.#mayHave(waiting));
      if (start === undefined) return;
      start();
    }
  }

  #wait(worker: WorkerId, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener("abort", leave);
        this.#enter(worker);
        resolve();
      };
      const leave = () => {
        this.#line.remove(worker, start);
        reject(signal.reason);
      };
      this.#line.add(worker, start);
      if (!signal.aborted) signal.addEventListener("abort", leave, { once: true });
    });
  }
}
