import { OpenWorkersError, type WorkerId } from "@openworkers/core";

/** What waits, in a line for each worker; whoever serves takes from the lines in turn. */
export class FairLine<Item> {
  // The first is next, and goes to the end when it has had its turn.
  readonly #lines = new Map<WorkerId, Set<Item>>();
  readonly #maxPerWorker: number;

  constructor(maxPerWorker: number) {
    this.#maxPerWorker = maxPerWorker;
  }

  /** @throws OpenWorkersError SUBREQUEST_LIMIT when as much of this worker's waits as may */
  add(worker: WorkerId, item: Item): void {
    const line = this.#lines.get(worker);
    if (line === undefined) this.#lines.set(worker, new Set([item]));
    else if (line.size < this.#maxPerWorker) line.add(item);
    else {
      throw new OpenWorkersError(
        "SUBREQUEST_LIMIT",
        `Too many calls of KV and storage at a time: ${this.#maxPerWorker} of this worker's wait already.`,
      );
    }
  }

  remove(worker: WorkerId, item: Item): void {
    const line = this.#lines.get(worker);
    if (line?.delete(item) === true && line.size === 0) this.#lines.delete(worker);
  }

  /** Takes the oldest of the worker that has waited longest for a turn, of those that `mayHave` one. */
  next(mayHave: (worker: WorkerId) => boolean = () => true): Item | undefined {
    for (const [worker, line] of this.#lines) {
      if (!mayHave(worker)) continue;
      for (const item of line) {
        line.delete(item);
        this.#lines.delete(worker);
        if (line.size > 0) this.#lines.set(worker, line);
        return item;
      }
    }
    return undefined;
  }
}
