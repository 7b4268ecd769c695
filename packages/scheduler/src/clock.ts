import { type Database, databaseTime } from "@openworkers/db";

/** What time it is, in Unix milliseconds. */
export interface Clock {
  now(): number;
  /** Looks again. @throws OpenWorkersError DATABASE_UNAVAILABLE */
  sync(): Promise<void>;
}

/**
 * PostgreSQL's clock, as far as a monotonic one carries it since the last look: schedulers on several machines agree on
 * what is due, and nothing happens when this machine's clock is set.
 */
export class DatabaseClock implements Clock {
  readonly #database: Database;
  #offset = Number.NaN;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(database: Database): Promise<DatabaseClock> {
    const clock = new DatabaseClock(database);
    await clock.sync();
    return clock;
  }

  now(): number {
    return performance.now() + this.#offset;
  }

  async sync(): Promise<void> {
    const asked = performance.now();
    const time = await this.#database.read(databaseTime);
    const answered = performance.now();
    const offset = time - (asked + answered) / 2;
    // An answer that took long says little; a clock that was set says more than that.
    const uncertainty = (answered - asked) / 2;
    if (!(Math.abs(offset - this.#offset) <= uncertainty)) this.#offset = offset;
  }
}
