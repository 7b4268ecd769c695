import { clientConfig, type Prepared, type Queries, type StoreDatabase } from "@openworkers/db";
import { explain } from "@openworkers/db/access";
import { Kysely, type LogEvent, PostgresDialect, type Transaction } from "kysely";
import { Client } from "pg";

type Tables = Queries extends Kysely<infer T> ? T : never;

/** Where a face listens. */
export interface FacePlace {
  /** The directory of its socket. */
  readonly host: string;
  readonly port: number;
}

/** A client of the face `api`, connected: one transaction. */
export async function callerClient(place: FacePlace, credential: string): Promise<Client> {
  const client = new Client({
    ...clientConfig({ ...place, database: "platform", user: "caller", password: credential, tls: "disable" }),
    keepAlive: false,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** What a driver sends. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The stores' database as a caller of the API has it: each transaction is a session on the face. */
export class CallerDatabase implements StoreDatabase {
  readonly #place: FacePlace;
  readonly #credential: string;

  readonly #heard: ((statement: Statement) => void) | undefined;

  /** @param heard is told of each statement */
  constructor(place: FacePlace, credential: string, heard?: (statement: Statement) => void) {
    this.#place = place;
    this.#credential = credential;
    this.#heard = heard;
  }

  read<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.write(work);
  }

  write<T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#session((kysely) => kysely.transaction().execute(work));
  }

  snapshot<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#session((kysely) =>
      kysely.transaction().setIsolationLevel("repeatable read").setAccessMode("read only").execute(work),
    );
  }

  async prepared<Row extends object>(statement: Prepared, values: unknown[]): Promise<Row[]> {
    const client = await callerClient(this.#place, this.#credential);
    this.#heard?.({ text: statement.text, values });
    try {
      const { rows } = await client.query<Row>({ ...statement, values });
      await client.query("commit");
      return rows;
    } catch (thrown) {
      throw explain(thrown, "the test's database");
    } finally {
      await client.end();
    }
  }

  async #session<T>(work: (kysely: Kysely<Tables>) => Promise<T>): Promise<T> {
    const client = await callerClient(this.#place, this.#credential);
    const pool = { connect: async () => Object.assign(client, { release() {} }), end: async () => {} };
    const log = ({ query }: LogEvent) => this.#heard?.({ text: query.sql, values: query.parameters });
    try {
      return await work(new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool as never }), log }));
    } catch (thrown) {
      throw explain(thrown, "the test's database");
    } finally {
      await client.end();
    }
  }
}
