import { clientConfig, type Prepared, type Queries, type StoreDatabase } from "@openworkers/db";
import { Kysely, PostgresDialect, type Transaction } from "kysely";
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

/** The stores' database as a caller of the API has it: each transaction is a session on the face. */
export class CallerDatabase implements StoreDatabase {
  readonly #place: FacePlace;
  readonly #credential: string;

  constructor(place: FacePlace, credential: string) {
    this.#place = place;
    this.#credential = credential;
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
    try {
      const { rows } = await client.query<Row>({ ...statement, values });
      await client.query("commit");
      return rows;
    } finally {
      await client.end();
    }
  }

  async #session<T>(work: (kysely: Kysely<Tables>) => Promise<T>): Promise<T> {
    const client = await callerClient(this.#place, this.#credential);
    const pool = { connect: async () => Object.assign(client, { release() {} }), end: async () => {} };
    try {
      return await work(new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }));
    } finally {
      await client.end();
    }
  }
}
