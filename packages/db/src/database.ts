import { Kysely, type Kysely as KyselyType, type Transaction } from "kysely";
import { PostgresJSDialect } from "kysely-postgres-js";
import postgres from "postgres";
import { type Address, describeAddress, parseAddress } from "./address.ts";
import { explain, isRetryable } from "./faults.ts";
import { Listener, type ListenHandlers } from "./listener.ts";
import type { Tables } from "./tables.ts";

export interface ConnectOptions {
  /** Connections in the pool; 10 unless given. A `listen` takes one more. */
  readonly max?: number;
  /** What `pg_stat_activity` calls us; `openworkers` unless given. */
  readonly applicationName?: string;
  /** How long one attempt to connect may take, in milliseconds; 10,000 unless given. */
  readonly connectTimeoutMs?: number;
}

/** A transaction's queries, or plain ones: what a store's helper works on. */
export type Queries = KyselyType<Tables>;

const transactionAttempts = 4;

/**
 * A pool of connections to the platform's database. Connects when first used, and again by itself when the
 * server went away. Every failure to reach the server is an `OpenWorkersError` DATABASE_UNAVAILABLE.
 */
export class Database implements AsyncDisposable {
  readonly kysely: KyselyType<Tables>;
  /** The database's name and place, without password, for messages. */
  readonly place: string;
  readonly #sql: postgres.Sql<{ bigint: number }>;
  readonly #options: DriverOptions;
  readonly #listeners = new Set<Listener>();

  constructor(address: Address, options: ConnectOptions = {}) {
    this.place = describeAddress(address);
    this.#options = driverOptions(address, options);
    this.#sql = postgres(this.#options);
    this.kysely = new Kysely<Tables>({ dialect: new PostgresJSDialect({ postgres: this.#sql }) });
  }

  /** Runs queries outside a transaction. */
  async read<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    try {
      return await work(this.kysely);
    } catch (thrown) {
      throw explain(thrown, this.place);
    }
  }

  /** Runs queries that all see the database as it was at one moment, and may change nothing. */
  async snapshot<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.read((queries) =>
      queries.transaction().setIsolationLevel("repeatable read").setAccessMode("read only").execute(work),
    );
  }

  /**
   * Runs `work` in a transaction: all of it happens or nothing. A deadlock or serialization failure runs it
   * again from its start, so `work` must have no effect outside the database.
   */
  async write<T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.kysely.transaction().execute(work);
      } catch (thrown) {
        if (!isRetryable(thrown) || attempt === transactionAttempts) throw explain(thrown, this.place);
      }
    }
  }

  /** Resolves when the server answers. */
  async ping(): Promise<void> {
    try {
      await this.#sql`select 1`;
    } catch (thrown) {
      throw explain(thrown, this.place);
    }
  }

  /**
   * Listens on a channel, on a connection of its own that is made again for as long as it takes whenever it
   * breaks. Resolves when the first connection listens.
   *
   * @throws OpenWorkersError DATABASE_UNAVAILABLE when the first connection fails.
   */
  async listen(channel: string, handlers: ListenHandlers): Promise<AsyncDisposable> {
    const listener = new Listener(this.#options, channel, handlers);
    this.#listeners.add(listener);
    try {
      await listener.start();
    } catch (thrown) {
      await this.#unlisten(listener);
      throw explain(thrown, this.place);
    }
    return { [Symbol.asyncDispose]: () => this.#unlisten(listener) };
  }

  async #unlisten(listener: Listener): Promise<void> {
    this.#listeners.delete(listener);
    await listener[Symbol.asyncDispose]();
  }

  /** Ends every connection; queries under way have 5 seconds to finish. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => this.#unlisten(listener)));
    await this.#sql.end({ timeout: 5 });
  }
}

/**
 * Opens a pool for `url`; see `parseAddress` for the forms it may take. Nothing is sent until the first query.
 *
 * @throws OpenWorkersError CONFIG_INVALID when the URL cannot be read.
 */
export function connect(url: string, options?: ConnectOptions): Database {
  return new Database(parseAddress(url), options);
}

export type DriverOptions = postgres.Options<{ bigint: postgres.PostgresType<number> }>;

function driverOptions(address: Address, options: ConnectOptions): DriverOptions {
  return {
    host: address.host,
    port: address.port,
    database: address.database,
    username: address.user,
    ...(address.password === undefined ? {} : { password: address.password }),
    ssl: address.tls === undefined || address.tls === "disable" ? false : address.tls,
    max: options.max ?? 10,
    connect_timeout: (options.connectTimeoutMs ?? 10_000) / 1_000,
    // An idle connection holds a server process of some 10 MB.
    idle_timeout: 60,
    // The pool is for queries that end; one that does not is a bug that would otherwise hold its locks.
    connection: {
      application_name: options.applicationName ?? "openworkers",
      statement_timeout: 60_000,
      idle_in_transaction_session_timeout: 60_000,
    },
    onnotice: () => {},
    types: { bigint: { to: 20, from: [20], parse: safeInteger, serialize: String } },
  };
}

// No counter of ours comes near 2^53; one that does must not be rounded silently.
function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} does not fit a number`);
  return value;
}
