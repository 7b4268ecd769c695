import { type Database, type KvEntry, type KvKey, readKvEntries } from "@openworkers/db";

interface Waiting extends KvKey {
  resolve(entry: KvEntry | undefined): void;
  reject(reason: unknown): void;
}

/** Queries that are under way at a time; what comes meanwhile goes together in the next one. */
const maxQueries = 2;
/** With values of 64 KiB that is 2 MiB: small enough that nobody waits for long behind the others' values. */
const maxKeys = 32;

/**
 * Reads entries, as many in one query as are asked for while the queries before it run. A query for 16 keys costs the
 * runner a fifth of 16 queries (14 instead of 97 µs of CPU per key), and a key that comes alone does not wait.
 */
export class KvReader {
  readonly #database: Database;
  readonly #waiting: Waiting[] = [];
  #queries = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The entry as it is when the query runs, which is after this call; undefined when there is none. */
  read(key: KvKey): Promise<KvEntry | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...key, resolve, reject });
      if (this.#queries < maxQueries) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#queries += 1;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxKeys);
      try {
        const entries = await readKvEntries(this.#database, batch);
        for (const [index, { resolve }] of batch.entries()) resolve(entries[index]);
      } catch (thrown) {
        for (const { reject } of batch) reject(thrown);
      }
    }
    this.#queries -= 1;
  }
}
