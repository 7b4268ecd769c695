import type { WorkerId } from "@openworkers/core";
import { FairTurns } from "../bindings/shares/fair-turns.ts";
import type { Place } from "../subrequests/places.ts";

export interface EventTurnsOptions {
  /** How many events run at a time. */
  readonly concurrency: number;
  /** How many of them are one worker's. */
  readonly perWorker: number;
  /** How many there may be, running and waiting; whoever takes events from the bus takes no more than these. */
  readonly capacity: number;
}

interface Waiting {
  readonly since: number;
  readonly leave: AbortController;
}

/** An event that takes longer leaves its turn to others. */
const longMs = 2_000;
const lookEveryMs = 500;
/** A burst of short events is over by then. */
const patienceMs = 2_000;
/** Share of the capacity above which somebody's events may be kept out. */
const pressure = 0.9;

/**
 * Turns for events that have been taken from the bus. Workers have them one after another; and when nearly all that may
 * be here is, those with more than their share are asked to give back what has waited for long, so that others' come in.
 */
export class EventTurns implements Disposable {
  readonly #options: EventTurnsOptions;
  readonly #turns: FairTurns;
  readonly #waiting = new Map<WorkerId, Set<Waiting>>();
  /** Until when a worker is kept to its share (`performance.now()`). */
  readonly #crowding = new Map<WorkerId, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  #held = 0;
  #stopped = false;

  constructor(options: EventTurnsOptions) {
    this.#options = options;
    const { concurrency, perWorker, capacity } = options;
    this.#turns = new FairTurns({ count: concurrency, perWorker, maxWaiting: capacity, longMs });
    this.#timer = setInterval(() => this.#relieve(performance.now()), lookEveryMs);
  }

  /** A turn; undefined when the event is to be given back. */
  async take(worker: WorkerId): Promise<Place | undefined> {
    if (this.#stopped) return undefined;
    const now = performance.now();
    const isCrowding = now < (this.#crowding.get(worker) ?? 0);
    if (isCrowding && (this.#waiting.get(worker)?.size ?? 0) >= this.#share()) return undefined;
    // Most of many that are due at once find one free: what waiting takes is not for them.
    const turn = this.#turns.takeFree(worker) ?? (await this.#wait(worker, now));
    if (turn === undefined) return undefined;
    this.#held += 1;
    return {
      [Symbol.dispose]: () => {
        turn[Symbol.dispose]();
        this.#held -= 1;
      },
    };
  }

  /** Has all that waits, and all that comes, given back. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const all of this.#waiting.values()) for (const { leave } of all) leave.abort();
  }

  /** Undefined when it is to leave the line. */
  async #wait(worker: WorkerId, since: number): Promise<Place | undefined> {
    const all = this.#waiting.get(worker) ?? new Set();
    const waiting = { since, leave: new AbortController() };
    this.#waiting.set(worker, all.add(waiting));
    this.#held += 1;
    try {
      return await this.#turns.take(worker, waiting.leave.signal);
    } catch (thrown) {
      if (!waiting.leave.signal.aborted) throw thrown;
      return undefined;
    } finally {
      this.#held -= 1;
      all.delete(waiting);
      if (all.size === 0) this.#waiting.delete(worker);
    }
  }

  #relieve(now: number): void {
    for (const [worker, until] of this.#crowding) if (now > until) this.#crowding.delete(worker);
    if (this.#held < this.#options.capacity * pressure) return;
    const share = this.#share();
    for (const [worker, all] of this.#waiting) {
      // The last to come would be the last to run.
      for (const { since, leave } of [...all].slice(share)) {
        if (now - since < patienceMs) continue;
        leave.abort();
        // What comes of it now passes by, so that others' that are behind it come in.
        this.#crowding.set(worker, now + patienceMs);
      }
    }
  }

  /** How many of one worker's may wait when it is crowded: one share is for those who are not here. */
  #share(): number {
    const { capacity, concurrency } = this.#options;
    return Math.floor((capacity - concurrency) / (this.#waiting.size + 1));
  }
}
