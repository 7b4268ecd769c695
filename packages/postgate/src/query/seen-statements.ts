import type { DatabaseId } from "@openworkers/core";

/** Remembered at a time, at least; twice as many at most. */
const remembered = 20_000;

/** Which statements databases have been sent before, of late. */
export class SeenStatements {
  // Of 32 bits: to take one statement in a while for another costs a little time, and nothing else.
  #newer = new Set<number>();
  #older = new Set<number>();

  /** Whether the database has been sent it before; from now on it has. */
  see(id: DatabaseId, sql: string): boolean {
    // The last of an id's digits are random.
    const hash = Bun.hash.xxHash32(sql, Number.parseInt(id.slice(-8), 16));
    if (this.#newer.has(hash)) return true;
    if (this.#newer.size >= remembered) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(hash);
    return this.#older.has(hash);
  }
}
