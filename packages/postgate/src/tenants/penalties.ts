import type { DatabaseId } from "@openworkers/core";

const firstMs = 10_000;
const longestMs = 3_600_000;

/** How long a tenant that harms the others is shut out: twice as long each time, until it has behaved for an hour. */
export class Penalties {
  readonly #offences = new Map<DatabaseId, { count: number; last: number }>();

  /** The next penalty, in milliseconds. */
  next(id: DatabaseId, now: number = Date.now()): number {
    for (const [known, { last }] of this.#offences) {
      if (now - last > longestMs) this.#offences.delete(known);
    }
    const count = (this.#offences.get(id)?.count ?? 0) + 1;
    const ms = Math.min(firstMs * 2 ** (count - 1), longestMs);
    this.#offences.set(id, { count, last: now + ms });
    return ms;
  }
}
