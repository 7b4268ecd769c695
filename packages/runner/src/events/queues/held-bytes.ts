import type { WorkerId } from "@openworkers/core";

/**
 * Memory for messages that were taken from the bus and are not settled. No worker may have more of it than is still free,
 * however many queues it has: there is always some left for who has little.
 */
export class HeldBytes {
  readonly #all: number;
  readonly #held = new Map<WorkerId, number>();
  #used = 0;

  /** @param all bytes that may be held */
  constructor(all: number) {
    this.#all = all;
  }

  get used(): number {
    return this.#used;
  }

  /** Holds so many bytes until what it returns is disposed of; undefined when the worker has too much already. */
  take(worker: WorkerId, bytes: number): Disposable | undefined {
    const held = this.#held.get(worker) ?? 0;
    if (held + bytes > this.#all - this.#used - bytes) return undefined;
    this.#add(worker, bytes);
    return { [Symbol.dispose]: () => this.#add(worker, -bytes) };
  }

  #add(worker: WorkerId, bytes: number): void {
    this.#used += bytes;
    const held = (this.#held.get(worker) ?? 0) + bytes;
    if (held > 0) this.#held.set(worker, held);
    else this.#held.delete(worker);
  }
}
