import { isId, OpenWorkersError, type UserId } from "@openworkers/core";
import { errorCode, explain, getTypeParser } from "@openworkers/db/access";
import { prepareValue } from "pg/lib/utils";
import { DatabaseError, serialize } from "pg-protocol";
import {
  type BackendMessage,
  CommandCompleteMessage,
  DataRowMessage,
  type Field,
  ParameterStatusMessage,
  RowDescriptionMessage,
} from "pg-protocol/dist/messages";
import { Parser } from "pg-protocol/dist/parser";
import type { ByteSocket, SqlBinding } from "./socket.ts";

/** What errors call the database. */
export const place = "the platform's database";

const loginMs = 10_000;
const closed = new Error("Connection terminated");

/** What a statement was answered. */
export interface Result<Row> {
  /** `SELECT`, `COMMIT` …; empty for no statement. */
  readonly command: string;
  readonly rowCount: number;
  readonly rows: Row[];
}

/** A statement that was sent, until it is answered to its end. */
class Exchange {
  readonly #done = Promise.withResolvers<Result<never>>();
  #fields: readonly Field[] = [];
  #rows: Record<string, unknown>[] = [];
  #tag = "";
  error: unknown;

  get answered(): Promise<Result<never>> {
    return this.#done.promise;
  }

  heard(message: BackendMessage): void {
    if (message instanceof DataRowMessage) this.#rows.push(rowOf(this.#fields, message));
    else if (message instanceof CommandCompleteMessage) this.#tag = message.text;
    else if (message instanceof RowDescriptionMessage) {
      this.#fields = message.fields;
      this.#rows = [];
    }
  }

  end(): void {
    if (this.error !== undefined) {
      this.#done.reject(this.error);
      return;
    }
    const words = this.#tag.split(" ");
    const rowCount = Number(words.at(-1));
    this.#done.resolve({
      command: words[0] ?? "",
      rowCount: Number.isNaN(rowCount) ? 0 : rowCount,
      // Whoever asks says what a row is.
      rows: this.#rows as never[],
    });
  }
}

/**
 * A connection to Postgate's `api` face. Every write and every read of a socket costs a cell more than a statement does, and
 * drivers wait for each answer of a login; so who we are goes out together with the first statements.
 */
export class FaceConnection {
  readonly #socket: ByteSocket;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> };
  readonly #parser = new Parser();
  readonly #loggedIn = Promise.withResolvers<UserId>();
  readonly #timer: ReturnType<typeof setTimeout>;
  #isReading = false;
  #caller: string | undefined;
  #wantsCaller = false;
  #isLoggedIn = false;
  #saidGoodbye = false;
  #out: Uint8Array[];
  #willFlush = false;
  #exchanges: Exchange[] = [];
  #broken: unknown;

  /** Nothing is sent until the first statement. */
  constructor(sql: SqlBinding, credential: string) {
    this.#socket = sql.connect();
    this.#writer = this.#socket.writable.getWriter();
    this.#reader = this.#socket.readable.getReader();
    this.#out = [serialize.startup({ user: "caller", database: "platform" }), serialize.password(credential)];
    this.#timer = setTimeout(() => this.#break(new Error("timeout expired")), loginMs);
    // Whoever sends a statement is told as well.
    this.#loggedIn.promise.catch(() => {});
  }

  /**
   * Who the caller is.
   *
   * @throws OpenWorkersError UNAUTHORIZED when the credential is none, OVERLOADED when there are too many sessions,
   * DATABASE_UNAVAILABLE
   */
  caller(): Promise<UserId> {
    this.#wantsCaller = true;
    this.#send([]);
    return this.#loggedIn.promise;
  }

  /**
   * Carries out a statement; several, when there are no values. Those of one turn of the event loop go out together.
   *
   * @throws DatabaseError of PostgreSQL's; Error when the connection breaks; as `caller` when there has never been one
   */
  query<Row>(text: string, values: readonly unknown[] = []): Promise<Result<Row>> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const exchange = new Exchange();
    this.#exchanges.push(exchange);
    this.#send(
      values.length === 0
        ? [serialize.query(text)]
        : [
            serialize.parse({ text }),
            serialize.bind({ values: values.map((value) => prepareValue(value)) }),
            serialize.describe({ type: "P" }),
            serialize.execute(),
            serialize.sync(),
          ],
    );
    return exchange.answered;
  }

  /** Carries out a statement, and says goodbye with it: the connection ends by itself when it has been answered. */
  last<Row>(text: string, values: readonly unknown[] = []): Promise<Result<Row>> {
    const answered = this.query<Row>(text, values);
    this.#send([serialize.end()]);
    this.#saidGoodbye = true;
    return answered;
  }

  /** Ends it, whatever is under way. */
  close(): void {
    if (!this.#saidGoodbye || this.#exchanges.length > 0) this.#break(closed);
  }

  #send(messages: readonly Uint8Array[]): void {
    this.#out.push(...messages);
    if (!this.#isReading) void this.#read();
    if (this.#willFlush) return;
    this.#willFlush = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#willFlush = false;
    if (this.#broken !== undefined || this.#out.length === 0) return;
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    this.#writer.write(bytes).catch((thrown: unknown) => this.#break(lost(thrown)));
  }

  /** Reads while somebody waits: to end a read that nobody needs costs as much as one that somebody does. */
  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      while (this.#exchanges.length > 0 || (this.#wantsCaller && !this.#isLoggedIn)) {
        const { done, value } = await this.#reader.read();
        if (this.#broken !== undefined) return;
        if (done || value === undefined) return this.#break(lost());
        this.#parser.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength), (message) =>
          this.#heard(message),
        );
      }
      this.#isReading = false;
    } catch (thrown) {
      this.#break(lost(thrown));
    }
  }

  #heard(message: BackendMessage): void {
    const [exchange] = this.#exchanges;
    if (message.name === "readyForQuery") {
      if (!this.#isLoggedIn) this.#welcome();
      else this.#exchanges.shift()?.end();
    } else if (message instanceof DatabaseError) {
      if (!this.#isLoggedIn) this.#break(refusal(message));
      else if (exchange === undefined) this.#break(message);
      else exchange.error ??= message;
    } else if (message instanceof ParameterStatusMessage) {
      if (message.parameterName === "openworkers.caller") this.#caller = message.parameterValue;
    } else exchange?.heard(message);
  }

  #welcome(): void {
    clearTimeout(this.#timer);
    if (isId<"user">(this.#caller)) {
      this.#isLoggedIn = true;
      this.#loggedIn.resolve(this.#caller);
    } else this.#break(new Error("the face does not say who the caller is"));
  }

  #break(reason: unknown): void {
    if (this.#broken !== undefined) return;
    this.#broken = reason;
    clearTimeout(this.#timer);
    this.#loggedIn.reject(reason);
    for (const exchange of this.#exchanges.splice(0)) {
      exchange.error ??= reason;
      exchange.end();
    }
    // It is gone, or is no use any more: how it goes is nobody's concern.
    this.#socket.close().catch(() => {});
  }
}

function rowOf(fields: readonly Field[], { fields: values }: DataRowMessage): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [index, { name, dataTypeID }] of fields.entries()) {
    const value: string | null = values[index];
    row[name] = value === null ? null : getTypeParser(dataTypeID, "text")(value);
  }
  return row;
}

function lost(cause?: unknown): Error {
  return new Error("Connection terminated unexpectedly", { cause });
}

function refusal(error: DatabaseError): unknown {
  const code = errorCode(error) ?? "";
  if (code.startsWith("28")) {
    return new OpenWorkersError("UNAUTHORIZED", "The session or key is not known, or has expired.", {
      cause: error,
      hint: "Sign in again, or make a new key.",
    });
  }
  if (code === "53300") {
    return new OpenWorkersError("OVERLOADED", "Too many requests are worked on at a time; try again.", {
      cause: error,
    });
  }
  return explain(error, place);
}
