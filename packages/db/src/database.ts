import { within } from "@openworkers/core";
import { isPostgresSession, lowerCpuPriority } from "@openworkers/core/host";
import { Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import { type ClientConfig, Pool, type PoolClient } from "pg";
import { type Address, describeAddress, parseAddress } from "./address.ts";
import { BulkTransaction } from "./copy/bulk-transaction.ts";
import { type ConnectOptions, clientConfig } from "./driver.ts";
import { explain, isRetryable, isUnavailable } from "./faults.ts";
import { Listener, type ListenHandlers, type ListenOptions } from "./listener.ts";
import type { Tables } from "./tables.ts";

/** A transaction's queries, or plain ones: what a store's helper works on. */
export type Queries = Kysely<Tables>;

const transactionAttempts = 4;

/** A statement that each connection parses and plans once. */
export interface Prepared {
  /** One name, one text. */
  readonly name: string;
  readonly text: string;
}

/** What the stores of KV and of buckets need of a database: of all of it, or of a share. */
export type DatabaseAccess = Pick<Database, "read" | "write" | "prepared">;

/** What the other stores need: of all of it, or as a caller who may not do everything (the API's). */
export type StoreDatabase = Pick<Database, "read" | "write" | "prepared" | "snapshot">;

/**
 * A pool of connections to the platform's database. Connects when first used, and again by itself when the
 * server went away. Every failure to reach the server is an `OpenWorkersError` DATABASE_UNAVAILABLE.
 */
export class Database implements AsyncDisposable {
  readonly kysely: Kysely<Tables>;
  /** The database's name and place, without password, for messages. */
  readonly place: string;
  /** A host name, an address, or the absolute path of a directory with a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly #address: Address;
  readonly #options: ConnectOptions;
  readonly #pool: Pool;
  readonly #config: ClientConfig;
  readonly #listeners = new Set<Listener>();

  constructor(address: Address, options: ConnectOptions = {}) {
    this.place = describeAddress(address);
    this.host = address.host;
    this.port = address.port;
    this.#address = address;
    this.#options = options;
    this.#config = clientConfig(address, options);
    this.#pool = new Pool({
      ...this.#config,
      // `exclusively` holds one while its work may want another.
      max: Math.max(options.max ?? 10, 2),
      // An idle connection holds a server process of some 10 MB.
      idleTimeoutMillis: 60_000,
    });
    // A connection that breaks: whoever waits for an answer on it is told by the answer's rejection, and the
    // pool drops it. Without a handler, the event would end the process.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => {
      client.on("error", () => {});
      if (options.nice !== undefined) lower(client, address, options.nice);
    });
    this.kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: this.#pool }) });
  }

  /** Runs queries outside a transaction. */
  async read<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    try {
      return await work(this.kysely);
    } catch (thrown) {
      throw explain(thrown, this.place);
    }
  }

  /**
   * Runs a statement by itself, prepared: for the few that run for every request, where Kysely's work and
   * PostgreSQL's parsing would be most of the cost. Whoever calls it says what a row is.
   */
  async prepared<Row extends object>(statement: Prepared, values: unknown[]): Promise<Row[]> {
    try {
      return (await this.#pool.query<Row>({ ...statement, values })).rows;
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

  /** As `write`, for much at a time. */
  async bulk<T>(work: (transaction: BulkTransaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#inTransaction(work);
      } catch (thrown) {
        if (!isRetryable(thrown) || attempt === transactionAttempts) throw explain(thrown, this.place);
      }
    }
  }

  /**
   * Runs `work` while nobody else of this database runs under the same key. The lock is the connection's: it
   * goes when the process dies. `work` is given that connection and may use others.
   */
  async exclusively<T>(key: number, work: (connection: Queries) => Promise<T>): Promise<T> {
    return this.read((queries) =>
      queries.connection().execute(async (connection) => {
        // Others may hold the lock for as long as they need, and so may we.
        await sql`set statement_timeout = 0`.execute(connection);
        await sql`select pg_advisory_lock(${key})`.execute(connection);
        try {
          return await work(connection);
        } finally {
          await sql`select pg_advisory_unlock(${key})`.execute(connection);
          await sql`reset statement_timeout`.execute(connection);
        }
      }),
    );
  }

  /** A further pool to the same database, as this one where `options` do not say otherwise. The caller disposes of it. */
  another(options: ConnectOptions): Database {
    return new Database(this.#address, { ...this.#options, ...options });
  }

  /** Where this database is, for somebody else to log in. */
  addressAs(user: string, password: string): Address {
    return { ...this.#address, user, password };
  }

  /** Resolves when the server answers. */
  async ping(): Promise<void> {
    try {
      await this.#pool.query("select 1");
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
  async listen(
    channel: string,
    handlers: ListenHandlers,
    options: ListenOptions = {},
  ): Promise<AsyncDisposable> {
    const listener = new Listener(this.#config, channel, handlers, options);
    this.#listeners.add(listener);
    try {
      await listener.start();
    } catch (thrown) {
      await this.#unlisten(listener);
      throw explain(thrown, this.place);
    }
    return { [Symbol.asyncDispose]: () => this.#unlisten(listener) };
  }

  async #inTransaction<T>(work: (transaction: BulkTransaction) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken = true;
    try {
      await client.query("begin");
      const result = await work(new BulkTransaction(client));
      await client.query("commit");
      broken = false;
      return result;
    } catch (thrown) {
      // A connection that cannot even do that is not given back, and the server undoes what was done on it.
      if (!isUnavailable(thrown)) {
        await client.query("rollback");
        broken = false;
      }
      throw thrown;
    } finally {
      client.release(broken);
    }
  }

  async #unlisten(listener: Listener): Promise<void> {
    this.#listeners.delete(listener);
    await listener[Symbol.asyncDispose]();
  }

  /** Ends every connection; queries under way have 5 seconds to finish. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => this.#unlisten(listener)));
    if (!this.#pool.ending) await within(this.#pool.end(), 5_000);
  }
}

/** Puts a session's process behind others when it is on this machine and we may. */
function lower(client: PoolClient, { database }: Address, nice: number): void {
  // What BackendKeyData said; pg's types do not know of it.
  const pid = "processID" in client ? client.processID : undefined;
  if (typeof pid === "number" && isPostgresSession(pid, database)) lowerCpuPriority(pid, nice);
}

/**
 * Opens a pool for `url`; see `parseAddress` for the forms it may take. Nothing is sent until the first query.
 *
 * @throws OpenWorkersError CONFIG_INVALID when the URL cannot be read.
 */
export function connect(url: string, options?: ConnectOptions): Database {
  return new Database(parseAddress(url), options);
}
