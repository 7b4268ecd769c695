import type { UserId } from "@openworkers/core";
import type { Prepared, Queries, Tables } from "@openworkers/db/access";
import { Kysely, PostgresAdapter, PostgresDriver, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import { FaceConnection } from "./face-connection.ts";
import type { SqlBinding } from "./socket.ts";

/** How a session's transaction sees the database, and what it may do, where that is not the usual. */
export type Mode = "read only" | "isolation level repeatable read read only";

/** Opens a connection to the face: as somebody, or to be told that they are nobody. */
export type Connect = () => FaceConnection;

/** Sessions of Postgate's `api` face as the holder of `credential`. Nothing is sent until the first statement of one. */
export function faceOf(sql: SqlBinding, credential: string): Connect {
  return () => new FaceConnection(sql, credential);
}

/**
 * One session of Postgate's `api` face: one transaction as the caller, which the face has begun. Unless it is committed,
 * nothing has happened.
 */
export class CallerSession implements Disposable {
  readonly #connection: FaceConnection;
  #queries: Queries | undefined;

  constructor(connect: Connect, mode?: Mode) {
    this.#connection = connect();
    // As the first statement, it says how the transaction begins that the face begins. When it fails, so does what follows.
    if (mode !== undefined) this.#connection.query(`begin ${mode}`).catch(() => {});
  }

  /** @throws as `FaceConnection.caller` */
  caller(): Promise<UserId> {
    return this.#connection.caller();
  }

  get queries(): Queries {
    this.#queries ??= new Kysely<Tables>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new BegunDriver(this.#connection),
        createIntrospector: (database) => new PostgresIntrospector(database),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    });
    return this.#queries;
  }

  async prepared<Row extends object>({ text }: Prepared, values: unknown[]): Promise<Row[]> {
    return (await this.#connection.query<Row>(text, values)).rows;
  }

  /** Carries out the only statement, and ends. */
  async only<Row>(text: string, values: unknown[]): Promise<Row[]> {
    return (await this.#connection.last<Row>(text, values)).rows;
  }

  /** @throws when a deferred constraint refuses what was done, or something failed before and was passed over */
  async commit(): Promise<void> {
    const { command } = await this.#connection.query("commit");
    if (command !== "COMMIT") throw new Error("a statement of the transaction had failed: nothing was done");
  }

  /** The session's end takes back what was not committed. */
  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** One connection whose transaction has been begun, and is ended, by others. */
class BegunDriver extends PostgresDriver {
  constructor(connection: FaceConnection) {
    super({
      pool: {
        connect: async () => ({
          query: connection.query.bind(connection) as never,
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
