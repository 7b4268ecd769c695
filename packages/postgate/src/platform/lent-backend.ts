import { serialize } from "pg-protocol";
import { Backend, type BackendOptions } from "../wire/backend/backend.ts";
import { BackendRefusal } from "../wire/backend/refusal.ts";
import type { Intake } from "../wire/protocol/intake.ts";
import type { Caller } from "./caller.ts";
import { type SignedFor, signCaller } from "./signature.ts";

// Far more than what our own statements are answered with.
const maxMessageBytes = 64 * 1024;

/**
 * Ends the transaction, if one is open, and does what DISCARD ALL does (https://www.postgresql.org/docs/18/sql-discard.html), but for the plans: those of the functions that
 * policies ask are nobody's, and to make them anew took longer than what they are for.
 */
const forget = serialize.query(
  [
    "rollback",
    "close all",
    "set session authorization default",
    "reset all",
    "deallocate all",
    "unlisten *",
    "select pg_advisory_unlock_all()",
    "discard temp",
    "discard sequences",
  ].join("; "),
);

/** A backend that goes from caller to caller; statements of our own are run on it in between. */
export class LentBackend {
  readonly #backend: Backend;
  /** Since when it has been idle, as `performance.now()` tells it. */
  idleSinceMs = performance.now();

  private constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** @throws as `Backend.open` */
  static async open(options: BackendOptions, signal: AbortSignal): Promise<LentBackend> {
    return new LentBackend(await Backend.open(options, signal));
  }

  get intake(): Intake {
    return this.#backend.intake;
  }

  get closed(): boolean {
    return this.#backend.intake.closed;
  }

  /** ParameterStatus and notices of its login. */
  get greeting(): Buffer {
    return this.#backend.login.greeting;
  }

  /**
   * Begins a transaction. Returns when PostgreSQL says that it did, in microseconds since 1970.
   *
   * @throws BackendRefusal; ConnectionLost when the server has gone
   */
  async begin(modes: string): Promise<string> {
    const beganUs = await this.#ask(
      serialize.query(`begin${modes}; select (extract(epoch from now()) * 1000000)::bigint`),
    );
    if (beganUs === undefined) throw new Error("the server does not tell its time");
    return beganUs;
  }

  /**
   * What tells policies whose the transaction is that has just begun: nobody but `begin` can have set anything by then. It is
   * to be written before anything of the caller's; `isTheirs` is how it was answered.
   */
  naming(caller: Caller, key: Uint8Array, beganUs: string): Buffer {
    const signedFor: SignedFor = { backend: this.#backend.pid, beganUs };
    // As a parameter: statements' texts are to be seen by others of the same role, in pg_stat_activity.
    return Buffer.concat([
      serialize.parse({ text: "select set_config('openworkers.caller', $1, true)" }),
      serialize.bind({ values: [signCaller(key, caller, signedFor)] }),
      serialize.execute(),
      serialize.sync(),
    ]);
  }

  /**
   * Reads the answer to `naming`. When it rejects, the transaction has failed, and everything else in it does.
   *
   * @throws as `begin`
   */
  async isTheirs(): Promise<void> {
    await this.#answer();
  }

  /** Forgets everything of whoever had it. @throws BackendRefusal; ConnectionLost */
  async clean(): Promise<void> {
    this.intake.takeBack();
    await this.#ask(forget);
    this.idleSinceMs = performance.now();
  }

  cancel(): Promise<void> {
    return this.#backend.cancel();
  }

  /** Ends it; resolves when PostgreSQL has let go of it. */
  leave(busy: boolean): Promise<void> {
    return this.#backend.leave(busy);
  }

  #ask(message: Buffer): Promise<string | undefined> {
    this.intake.wire.write(message);
    return this.#answer();
  }

  /** Reads until the server is ready. The first column of the last row. */
  async #answer(): Promise<string | undefined> {
    let value: string | undefined;
    let refusal: BackendRefusal | undefined;
    for (;;) {
      const { type, body } = await this.intake.readMessage(maxMessageBytes);
      const letter = String.fromCharCode(type);
      if (letter === "Z") break;
      if (letter === "E") refusal ??= new BackendRefusal(body);
      else if (letter === "D") value = firstColumn(body);
    }
    if (refusal !== undefined) throw refusal;
    return value;
  }
}

// DataRow: how many columns, and each with its length.
function firstColumn(body: Buffer): string {
  const length = body.readInt32BE(2);
  return body.subarray(6, 6 + Math.max(length, 0)).toString("utf8");
}
