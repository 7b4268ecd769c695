import { OpenWorkersError } from "@openworkers/core";
import { type DatabaseError, serialize } from "pg-protocol";
import type { BackendConnection, Conversation } from "../pool/backend-connection.ts";
import type { BackendMessage } from "../pool/backend-messages.ts";
import type { ColumnType } from "./column-types.ts";
import { type Command, commitsEarly, type Statement } from "./command.ts";
import { connectionLost, queryFailure } from "./failure.ts";
import { Result, type ResultAllowance } from "./result.ts";

export interface ExchangeOptions {
  readonly allowance: ResultAllowance;
  readonly typeOf: (oid: number) => ColumnType | undefined;
  /** How long one statement may run before it is cancelled. */
  readonly statementMs: number;
}

const sync = serialize.sync();
const flush = serialize.flush();
const describe = serialize.describe({ type: "P", name: "" });
const execute = serialize.execute({});
const discard = serialize.query("DISCARD ALL");
const rollback = serialize.query("ROLLBACK");
const begin = serialize.query("BEGIN");
const syncAndDiscard = Buffer.concat([sync, discard]);
const commitAndDiscard = Buffer.concat([serialize.query("COMMIT"), discard]);
const extendedBegin = Buffer.concat([serialize.parse({ text: "BEGIN" }), serialize.bind(), execute]);
const extendedCommit = Buffer.concat([
  serialize.parse({ text: "COMMIT" }),
  serialize.bind(),
  execute,
  sync,
  discard,
]);

/** How long a cancelled statement may take to end before its connection does. */
const cancelPatienceMs = 2_000;

/**
 * Where an exchange is. Each but `working` ends with a ReadyForQuery:
 *
 * - `opening`: a script's BEGIN
 * - `working`: the statements; nothing of them is committed yet, unless they may be (`commitsEarly`)
 * - `committing`
 * - `recovering`: after an error, back to a session without a transaction
 * - `discarding`: DISCARD ALL, after which nothing is left of the call
 */
type Phase = "opening" | "working" | "committing" | "recovering" | "discarding" | "over";

/**
 * One command on one connection, and the clean-up behind it. What a statement writes is committed when its result was
 * found small enough, not before: so the Sync that commits (manual, 54.2.3) is sent when the last row has come.
 */
export class Exchange implements Conversation {
  /** The results, when they are committed. @throws OpenWorkersError QUERY_FAILED, RESULT_TOO_LARGE, … */
  readonly outcome: Promise<readonly Result[]>;
  /** Whether nothing is left on the connection; if something might be, it must be destroyed. */
  readonly clean: Promise<boolean>;
  readonly #connection: BackendConnection;
  readonly #command: Command;
  readonly #options: ExchangeOptions;
  readonly #results: Result[] = [];
  readonly #settle: PromiseWithResolvers<readonly Result[]>;
  readonly #cleaned = Promise.withResolvers<boolean>();
  #result: Result | undefined;
  #phase: Phase = "working";
  #completed = 0;
  /** When the statement that runs now began. */
  #since = performance.now();
  #error: OpenWorkersError | undefined;
  #interrupted: OpenWorkersError | undefined;
  #recoveries = 0;
  #unread = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: BackendConnection, command: Command, options: ExchangeOptions) {
    this.#connection = connection;
    this.#command = command;
    this.#options = options;
    this.#settle = Promise.withResolvers();
    this.outcome = this.#settle.promise;
    this.clean = this.#cleaned.promise;
    connection.attach(this);
    this.#watch(options.statementMs + deadlineGraceMs);
    if (connection.open) this.#open();
    else this.onLost();
  }

  /** Cancels what runs, or ends the connection if that does not help; the outcome is `reason`. */
  interrupt(reason: OpenWorkersError): void {
    if (this.#interrupted !== undefined || this.#phase === "over") return;
    this.#interrupted = reason;
    clearTimeout(this.#timer);
    void this.#connection.cancel();
    this.#timer = setTimeout(() => void this.#connection.destroy(), cancelPatienceMs);
  }

  onBytes(count: number): void {
    try {
      // What is left from before is part of one message; `pg-protocol` holds it until it is whole.
      this.#options.allowance.expect(this.#unread);
    } catch (thrown) {
      this.#overflow(thrown);
    }
    this.#unread += count;
  }

  onMessage(message: BackendMessage): void {
    this.#unread -= message.length + 1;
    switch (message.name) {
      case "rowDescription":
      case "dataRow":
        this.#row(message);
        return;
      case "commandComplete":
        this.#complete(message.text);
        return;
      case "emptyQuery":
        this.#complete("");
        return;
      case "error":
        this.#fail(message);
        return;
      case "copyInResponse":
      case "copyOutResponse":
        this.#end(
          new OpenWorkersError("INVALID_INPUT", "COPY from or to a client cannot be sent here.", {
            hint: "Connect with a PostgreSQL client, such as psql.",
          }),
        );
        return;
      case "readyForQuery":
        this.#ready(message.status);
        return;
    }
  }

  onLost(): void {
    this.#finish(this.#interrupted ?? this.#error ?? connectionLost(this.#phase === "committing"), false);
  }

  #open(): void {
    const command = this.#command;
    switch (command.kind) {
      case "statement": {
        const early = commitsEarly(command.statement.sql);
        if (early) this.#phase = "committing";
        this.#connection.send(
          Buffer.concat([...messagesOf(command.statement), early ? syncAndDiscard : flush]),
        );
        return;
      }
      case "batch":
        this.#connection.send(
          Buffer.concat([extendedBegin, ...command.statements.flatMap(messagesOf), flush]),
        );
        return;
      case "script":
        this.#phase = "opening";
        this.#connection.send(Buffer.concat([begin, serialize.query(command.sql)]));
        return;
    }
  }

  #row(message: Extract<BackendMessage, { readonly name: "rowDescription" | "dataRow" }>): void {
    if (this.#phase !== "working" && this.#phase !== "committing") return;
    try {
      if (message.name === "dataRow") {
        const { fields } = message;
        this.#result?.addRow(fields, message.length - 6 - 4 * fields.length);
      } else {
        this.#result = this.#newResult(message.fields);
      }
    } catch (thrown) {
      this.#overflow(thrown);
    }
  }

  #newResult(fields: ConstructorParameters<typeof Result>[0]): Result {
    return new Result(fields, this.#options.typeOf, this.#options.allowance);
  }

  #complete(tag: string): void {
    const first = this.#completed === 0;
    if (this.#phase === "committing" && (this.#command.kind !== "statement" || !first)) return;
    if (this.#phase !== "working" && this.#phase !== "committing") return;
    this.#completed++;
    const now = performance.now();
    // A batch's own BEGIN.
    if (this.#command.kind === "batch" && first) {
      this.#since = now;
      return;
    }
    try {
      const result = this.#result ?? this.#newResult([]);
      result.complete(tag, now - this.#since);
      this.#results.push(result);
    } catch (thrown) {
      this.#overflow(thrown);
      return;
    }
    this.#result = undefined;
    this.#since = now;
    if (this.#phase === "committing" || this.#command.kind === "script") return;
    if (this.#command.kind === "batch") {
      if (this.#completed <= this.#command.statements.length) return;
      this.#connection.send(extendedCommit);
    } else {
      this.#connection.send(syncAndDiscard);
    }
    this.#phase = "committing";
  }

  #fail(error: DatabaseError): void {
    if (this.#interrupted !== undefined) {
      this.#end(this.#interrupted);
      return;
    }
    // The next ReadyForQuery says what is to be done about it.
    if (this.#phase === "discarding" || this.#phase === "recovering") {
      this.#recoveries++;
      this.#phase = "recovering";
      return;
    }
    const statement = this.#command.kind === "batch" ? this.#completed - 1 : undefined;
    this.#error ??= queryFailure(error, statement);
    if (this.#phase !== "working") return;
    this.#phase = "recovering";
    if (this.#command.kind !== "script") this.#connection.send(sync);
  }

  #ready(status: string): void {
    switch (this.#phase) {
      case "opening":
        this.#phase = "working";
        return;
      case "working":
        // Of a script: an error would have changed the phase. It may have ended the transaction by itself.
        this.#phase = "committing";
        if (status !== "I") {
          this.#connection.send(commitAndDiscard);
          return;
        }
        this.#connection.send(discard);
        this.#committed();
        return;
      case "committing":
        if (status !== "I") {
          this.#error ??= new OpenWorkersError("QUERY_FAILED", "The statement left a transaction open.");
        }
        this.#committed();
        return;
      case "recovering":
        if (this.#recoveries > 2) {
          this.#end(this.#error);
          return;
        }
        if (status !== "I") {
          this.#recoveries++;
          this.#connection.send(rollback);
          return;
        }
        this.#phase = "discarding";
        this.#recoveries++;
        this.#connection.send(discard);
        return;
      case "discarding":
        this.#finish(this.#error, status === "I" && !this.#connection.tainted);
        return;
      case "over":
        return;
    }
  }

  /** The answer is sure; DISCARD ALL is on its way already. */
  #committed(): void {
    this.#phase = "discarding";
    this.#answer(this.#error);
  }

  #overflow(thrown: unknown): void {
    if (!(thrown instanceof OpenWorkersError)) throw thrown;
    this.#end(thrown);
  }

  /** Gives up the connection with all that it is in the middle of. */
  #end(error: OpenWorkersError | undefined): void {
    if (this.#phase === "over") return;
    // First: the connection says that it is lost before `destroy` returns.
    this.#finish(error, false);
    void this.#connection.cancel();
    void this.#connection.destroy();
  }

  #answer(error: OpenWorkersError | undefined): void {
    if (error === undefined) this.#settle.resolve(this.#results);
    else this.#settle.reject(this.#interrupted ?? error);
  }

  #finish(error: OpenWorkersError | undefined, clean: boolean): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    clearTimeout(this.#timer);
    this.#connection.attach(undefined);
    this.#answer(error);
    this.#cleaned.resolve(clean);
  }

  /** Looks whether the statement that runs now has had its time. PostgreSQL looks too, unless a statement says otherwise. */
  #watch(waitMs: number): void {
    this.#timer = setTimeout(() => {
      if (this.#interrupted !== undefined) return;
      const { statementMs } = this.#options;
      const leftMs = this.#since + statementMs + deadlineGraceMs - performance.now();
      if (leftMs > 0) {
        this.#watch(leftMs);
        return;
      }
      const what = `A statement ran longer than ${statementMs} ms and was cancelled.`;
      this.interrupt(new OpenWorkersError("QUERY_FAILED", what, { details: { sqlstate: "57014" } }));
    }, waitMs);
  }
}

/** PostgreSQL's own timeout comes first: it leaves the connection of use. */
const deadlineGraceMs = 500;

function messagesOf({ sql, params }: Statement): Buffer[] {
  return [serialize.parse({ text: sql }), serialize.bind({ values: [...params] }), describe, execute];
}
