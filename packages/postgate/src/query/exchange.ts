import { OpenWorkersError } from "@openworkers/core";
import { type DatabaseError, serialize } from "pg-protocol";
import type { BackendConnection, Conversation } from "../pool/backend-connection.ts";
import type { BackendMessage } from "../pool/backend-messages.ts";
import {
  begin,
  commit,
  discardAll,
  extendedBegin,
  extendedCommit,
  flush,
  rollback,
  runStatement,
  sync,
} from "../pool/frontend-messages.ts";
import type { KeptStatement } from "../pool/session-memory.ts";
import type { ColumnType } from "./column-types.ts";
import { type Command, commitsEarly, type Statement } from "./command.ts";
import { connectionLost, queryFailure } from "./failure.ts";
import { Result, type ResultAllowance } from "./result.ts";
import { ResultShape } from "./result-shape.ts";

export interface ExchangeOptions {
  readonly allowance: ResultAllowance;
  readonly typeOf: (oid: number) => ColumnType | undefined;
  /** How long one statement may run before it is cancelled. */
  readonly statementMs: number;
  /** Whether the session should keep the command's statement for the next call, if it can. */
  readonly keep?: boolean;
}

/** How long a cancelled statement may take to end before its connection does. */
const cancelPatienceMs = 2_000;

/**
 * Where an exchange is. Each but `working` ends with a ReadyForQuery:
 *
 * - `opening`: a script's BEGIN
 * - `working`: the statements; nothing of them is committed yet, unless they may be (`commitsEarly`)
 * - `committing`
 * - `recovering`: after an error, back to a session without a transaction
 * - `discarding`: DISCARD ALL or as much of it as matters, after which nothing is left of the call
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
  readonly #early: boolean;
  #result: Result | undefined;
  /** What the statement's result is like, as far as it is known. */
  #shape: ResultShape | undefined;
  /** The statement that the session had parsed, if that is the one; until it is bound, nothing has been done. */
  #unbound: KeptStatement | undefined;
  /** A DISCARD ALL goes before, because the session holds plans that are too old. */
  #renewing = false;
  #keeping = false;
  /** Behind DISCARD ALL the session is asked how it may be cleaned from now on: one more ReadyForQuery. */
  #asking = false;
  #asked = false;
  #cleaner: string | null | undefined;
  /** What was kept did not work; the statement is to be parsed. */
  #again = false;
  #phase: Phase = "working";
  #completed = 0;
  /** When the statement that runs now began. */
  #since = performance.now();
  #error: OpenWorkersError | undefined;
  #interrupted: OpenWorkersError | undefined;
  #recoveries = 0;
  #unread = 0;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: BackendConnection, command: Command, options: ExchangeOptions) {
    this.#connection = connection;
    this.#command = command;
    this.#options = options;
    this.#settle = Promise.withResolvers();
    this.outcome = this.#settle.promise;
    this.clean = this.#cleaned.promise;
    this.#early = command.kind === "statement" && commitsEarly(command.statement);
    connection.attach(this, options.statementMs + deadlineGraceMs);
    if (connection.open) this.#open();
    else this.onLost();
  }

  /** Cancels what runs, or ends the connection if that does not help; the outcome is `reason`. */
  interrupt(reason: OpenWorkersError): void {
    if (this.#interrupted !== undefined || this.#phase === "over") return;
    this.#interrupted = reason;
    void this.#connection.cancel();
    this.#patience = setTimeout(() => void this.#connection.destroy(), cancelPatienceMs);
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
    if (this.#renewing) {
      // It leaves nothing undone that matters to others; but a session that cannot do it is of no use.
      if (message.name === "error") this.#end(connectionLost(true));
      else if (message.name === "readyForQuery") this.#renewing = false;
      return;
    }
    switch (message.name) {
      case "rowDescription":
      case "dataRow":
        this.#row(message);
        return;
      case "bindComplete":
        this.#unbound = undefined;
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
    if (this.#connection.memory.outdated) {
      this.#renewing = true;
      this.#discard();
    }
    const command = this.#command;
    switch (command.kind) {
      case "statement":
        this.#phase = this.#early ? "committing" : "working";
        this.#run(command.statement);
        return;
      case "batch": {
        this.#phase = "working";
        const parsed = command.statements.map(({ sql, params }) => runStatement(sql, params));
        this.#send(extendedBegin, ...parsed, flush);
        return;
      }
      case "script":
        this.#phase = "opening";
        this.#send(begin, serialize.query(command.sql));
        return;
    }
  }

  #run({ sql, params }: Statement): void {
    const { memory } = this.#connection;
    const kept = memory.statement?.sql === sql ? memory.statement : undefined;
    this.#unbound = kept;
    this.#shape = kept?.shape;
    if (kept === undefined) memory.statement = undefined;
    const text = kept === undefined ? sql : undefined;
    if (this.#early) this.#connection.send(runStatement(text, params, sync, this.#cleaning()));
    else this.#connection.send(runStatement(text, params, flush));
  }

  /** What cleans the session behind the call, and leaves its statement if that is to be kept. */
  #cleaning(): Buffer {
    const keeping = this.#options.keep ? this.#connection.memory.keep() : undefined;
    this.#keeping = keeping !== undefined;
    if (keeping !== undefined) return keeping;
    const { memory } = this.#connection;
    memory.discarded();
    const question = this.#options.keep ? memory.question : undefined;
    if (question === undefined) return discardAll;
    this.#asking = true;
    this.#asked = true;
    return Buffer.concat([discardAll, question]);
  }

  #discard(): void {
    this.#connection.memory.discarded();
    this.#connection.send(discardAll);
  }

  #send(...messages: Buffer[]): void {
    // A simple Query drops the unnamed statement, and a Parse replaces it.
    this.#connection.memory.statement = undefined;
    this.#connection.send(messages.length === 1 ? (messages[0] ?? sync) : Buffer.concat(messages));
  }

  #row(message: Extract<BackendMessage, { readonly name: "rowDescription" | "dataRow" }>): void {
    if (this.#phase === "discarding" && message.name === "dataRow") this.#cleaner = message.fields[0];
    if (this.#phase !== "working" && this.#phase !== "committing") return;
    try {
      if (message.name === "dataRow") {
        const { fields } = message;
        this.#result ??= this.#newResult();
        this.#result.addRow(fields, message.length - 6 - 4 * fields.length);
      } else {
        this.#shape = new ResultShape(message.fields, this.#options.typeOf);
        this.#result = this.#newResult();
      }
    } catch (thrown) {
      this.#overflow(thrown);
    }
  }

  #newResult(): Result {
    return new Result(this.#shape ?? new ResultShape([], this.#options.typeOf), this.#options.allowance);
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
      const result = this.#result ?? this.#newResult();
      result.complete(tag, now - this.#since);
      this.#results.push(result);
    } catch (thrown) {
      this.#overflow(thrown);
      return;
    }
    this.#result = undefined;
    this.#since = now;
    const command = this.#command;
    if (command.kind === "script") return;
    if (command.kind === "batch") {
      if (this.#completed <= command.statements.length) return;
      this.#send(extendedCommit, this.#cleaning());
    } else {
      if (!this.#early) this.#connection.send(Buffer.concat([sync, this.#cleaning()]));
      this.#remember(command.statement.sql);
    }
    this.#phase = "committing";
  }

  #remember(sql: string): void {
    const shape = this.#shape ?? new ResultShape([], this.#options.typeOf);
    if (this.#keeping && shape.toJson !== undefined) this.#connection.memory.statement = { sql, shape };
  }

  #fail(error: DatabaseError): void {
    if (this.#interrupted !== undefined) {
      this.#end(this.#interrupted);
      return;
    }
    if (this.#unbound !== undefined) {
      // Whatever is wrong, with the statement parsed anew it may not be: its parameters may have other types by now.
      this.#unbound = undefined;
      this.#again = true;
      if (this.#phase !== "working") return;
      this.#phase = "recovering";
      this.#connection.send(sync);
      return;
    }
    if (this.#phase === "discarding" && this.#asked) {
      this.#end(this.#error);
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
          this.#send(commit, this.#cleaning());
          return;
        }
        this.#discard();
        this.#committed();
        return;
      case "committing":
        if (status !== "I") {
          this.#error ??= new OpenWorkersError("QUERY_FAILED", "The statement left a transaction open.");
        }
        if (this.#again) this.#phase = "discarding";
        else this.#committed();
        return;
      case "recovering":
        if (this.#recoveries > 2) {
          this.#end(this.#error);
          return;
        }
        if (status !== "I") {
          this.#recoveries++;
          this.#send(rollback);
          return;
        }
        this.#phase = "discarding";
        this.#recoveries++;
        this.#discard();
        return;
      case "discarding":
        if (this.#asking) {
          this.#asking = false;
          return;
        }
        if (this.#asked) this.#connection.memory.answered(this.#cleaner);
        this.#asked = false;
        if (this.#again && status === "I" && this.#interrupted === undefined) {
          this.#again = false;
          this.#recoveries = 0;
          this.#connection.memory.statement = undefined;
          this.#open();
          return;
        }
        if (this.#again) this.#error ??= this.#interrupted ?? connectionLost(false);
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
    clearTimeout(this.#patience);
    this.#connection.detach();
    this.#answer(error);
    this.#cleaned.resolve(clean);
  }

  /** Looks whether the statement that runs now has had its time. PostgreSQL looks too, unless a statement says otherwise. */
  look(): number {
    const { statementMs } = this.#options;
    const leftMs = this.#since + statementMs + deadlineGraceMs - performance.now();
    if (leftMs > 0) return leftMs;
    const what = `A statement ran longer than ${statementMs} ms and was cancelled.`;
    this.interrupt(new OpenWorkersError("QUERY_FAILED", what, { details: { sqlstate: "57014" } }));
    return statementMs + deadlineGraceMs;
  }
}

/** PostgreSQL's own timeout comes first: it leaves the connection of use. */
const deadlineGraceMs = 500;
