import type { Connection, PoolClient, Submittable } from "pg";
import type { Prepared } from "../database.ts";

/** A transaction for much at a time: without Kysely's work on each statement, and with `COPY`. */
export class BulkTransaction {
  readonly #client: PoolClient;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  /** Runs a statement, prepared. Whoever calls it says what a row is. */
  async query<Row extends object>(statement: Prepared, values: unknown[]): Promise<Row[]> {
    return (await this.#client.query<Row>({ ...statement, values })).rows;
  }

  /** Runs `COPY … FROM STDIN` with all of its data, as `CopyRows` makes it. */
  async copy(text: string, data: Buffer): Promise<void> {
    const copying = new CopyIn(text, data);
    this.#client.query(copying);
    await copying.done;
  }
}

/** How pg sends and hears of a statement that is none of its own (pg/lib/client.js). */
interface CopyConnection extends Connection {
  query(text: string): void;
  sendCopyFromChunk(data: Buffer): void;
  endCopyFrom(): void;
}

class CopyIn implements Submittable {
  readonly done: Promise<void>;
  readonly #text: string;
  readonly #data: Buffer;
  readonly #end: PromiseWithResolvers<void>;

  constructor(text: string, data: Buffer) {
    this.#text = text;
    this.#data = data;
    this.#end = Promise.withResolvers<void>();
    this.done = this.#end.promise;
  }

  submit(connection: Connection): void {
    (connection as CopyConnection).query(this.#text);
  }

  // What PostgreSQL refuses meanwhile, it says, and takes the rest without looking at it (PostgreSQL manual, "COPY Operations").
  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.#data);
    connection.endCopyFrom();
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#end.resolve();
  }

  handleError(error: Error): void {
    this.#end.reject(error);
  }
}
