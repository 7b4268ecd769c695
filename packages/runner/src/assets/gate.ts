import { OpenWorkersError } from "@openworkers/core";

/** Lets so many pieces of work run at a time, and so many wait. */
export class Gate {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(maxRunning: number, maxWaiting: number) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
  }

  get full(): boolean {
    return this.#waiting.length >= this.#maxWaiting;
  }

  /** @throws OpenWorkersError OVERLOADED when too many wait, and what `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#maxRunning) {
      if (this.full) throw new OpenWorkersError("OVERLOADED", "Too many files are being read.");
      // Whoever ends hands its place over: nobody can slip in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
