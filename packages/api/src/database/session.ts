import { OpenWorkersError } from "@openworkers/core";
import {
  errorCode,
  explain,
  getTypeParser,
  type Prepared,
  parseAddress,
  type Queries,
  type Tables,
} from "@openworkers/db/access";
import { Kysely, PostgresAdapter, PostgresDriver, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import { Client } from "pg";
import type { SqlBinding } from "../env.ts";

/** How a session's transaction sees the database. */
export type Isolation = "read committed" | "repeatable read";

/** What errors call the database. */
export const place = "the platform's database";

/** Opens a session: a client in a transaction that has begun. */
export type Connect = (isolation: Isolation) => Promise<Client>;

/**
 * Sessions of Postgate's `api` face as the holder of `credential`.
 *
 * @throws OpenWorkersError of each: UNAUTHORIZED when the credential is none, OVERLOADED when there are too many sessions,
 * DATABASE_UNAVAILABLE
 */
export function faceOf(sql: SqlBinding, credential: string): Connect {
  return async (isolation) => {
    const { host, port, database } = parseAddress(sql.connectionString);
    const client = new Client({
      host,
      port,
      database,
      user: "caller",
      password: credential,
      ssl: false,
      types: { getTypeParser },
      connectionTimeoutMillis: 10_000,
    });
    // What breaks is told by whoever waits for an answer.
    client.on("error", () => {});
    try {
      await client.connect();
      // As the first statement, it says how the transaction begins that the face begins.
      if (isolation !== "read committed") await client.query(`begin isolation level ${isolation}`);
      return client;
    } catch (thrown) {
      throw refusal(thrown);
    }
  };
}

function refusal(thrown: unknown): unknown {
  const code = errorCode(thrown) ?? "";
  if (code.startsWith("28")) {
    return new OpenWorkersError("UNAUTHORIZED", "The session or key is not known, or has expired.", {
      cause: thrown,
      hint: "Sign in again, or make a new key.",
    });
  }
  if (code === "53300") {
    return new OpenWorkersError("OVERLOADED", "Too many requests are worked on at a time; try again.", {
      cause: thrown,
    });
  }
  return explain(thrown, place);
}

/**
 * One session of Postgate's `api` face: one transaction as the caller, which the face has begun. Unless it is committed,
 * nothing has happened.
 */
export class CallerSession implements AsyncDisposable {
  readonly #client: Client;
  readonly queries: Queries;
  #ended = false;

  private constructor(client: Client) {
    this.#client = client;
    this.queries = new Kysely<Tables>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new BegunDriver(client),
        createIntrospector: (database) => new PostgresIntrospector(database),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    });
  }

  static async open(connect: Connect, isolation: Isolation = "read committed"): Promise<CallerSession> {
    return new CallerSession(await connect(isolation));
  }

  async prepared<Row extends object>({ text }: Prepared, values: unknown[]): Promise<Row[]> {
    return (await this.#client.query<Row>({ text, values })).rows;
  }

  /** @throws when a deferred constraint refuses what was done, or something failed before and was passed over */
  async commit(): Promise<void> {
    this.#ended = true;
    const { command } = await this.#client.query("commit");
    if (command !== "COMMIT") throw new Error("a statement of the transaction had failed: nothing was done");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The session's end takes back what was not committed; a broken one has ended already.
    if (!this.#ended) await this.#client.query("rollback").catch(() => {});
    // What was to be done has been, or never will be: a goodbye that fails changes neither.
    await this.#client.end().catch(() => {});
  }
}

/** One connection whose transaction has been begun, and is ended, by others. */
class BegunDriver extends PostgresDriver {
  constructor(client: Client) {
    super({
      pool: {
        connect: async () => ({
          query: client.query.bind(client) as never,
          release() {},
        }),
        async end() {},
        options: {},
      },
    });
  }

  override async beginTransaction(): Promise<void> {}
  override async commitTransaction(): Promise<void> {}
  override async rollbackTransaction(): Promise<void> {}
}
