import type { WorkerId } from "@openworkers/core";
import type { Database, DatabaseAccess } from "@openworkers/db";
import { FairTurns } from "./fair-turns.ts";

/** Statements and transactions of workers that run at a time, and how many of them may be one worker's. */
const turns = 8;
const turnsPerWorker = 4;
/** A put that waits holds up to 64 KiB: that is 32 MiB for one worker. Each has a connection; a cell may have some 1,000. */
const maxWaiting = 512;

/** Queries that whoever uses `shared` may have under way at a time. */
export const sharedQueries = 2;

/**
 * The connections to the database that all workers' bindings have in common. They are none of those that routing and
 * cold starts use, and each worker gets its share of them: one that floods them waits for itself.
 */
export class DatabaseShares implements AsyncDisposable {
  readonly #database: Database;
  readonly #turns = new FairTurns({ count: turns, perWorker: turnsPerWorker, maxWaiting });

  constructor(database: Database) {
    this.#database = database.another({ max: turns + sharedQueries });
  }

  /** For what serves many workers with one query, and is fair to them by itself. */
  get shared(): DatabaseAccess {
    return this.#database;
  }

  /**
   * One worker's share. Whatever is asked of it waits for its turn, and throws OpenWorkersError SUBREQUEST_LIMIT when
   * too much of the worker's waits already. What still waits when `signal` aborts throws its reason.
   */
  of(worker: WorkerId, signal: AbortSignal): DatabaseAccess {
    const database = this.#database;
    const take = () => this.#turns.take(worker, signal);
    return {
      async read(work) {
        using _ = await take();
        return await database.read(work);
      },
      async write(work) {
        using _ = await take();
        return await database.write(work);
      },
      async prepared(statement, values) {
        using _ = await take();
        return await database.prepared(statement, values);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }
}
