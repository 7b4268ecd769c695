import { within } from "@openworkers/core";
import type { Address } from "@openworkers/db";
import { serialize } from "pg-protocol";
import { cancelStatement } from "../../cancel-statement.ts";
import type { Intake, Taker } from "../protocol/intake.ts";
import { dial } from "./dial.ts";
import { type Login, login } from "./login.ts";

const leaveMs = 5_000;
/** Each is a new process of PostgreSQL's: who floods us with them does not flood it. */
const cancelPauseMs = 100;

export interface BackendOptions {
  readonly address: Address;
  readonly settings: Readonly<Record<string, string>>;
  readonly report: (error: unknown) => void;
}

/** A session on a tenant's PostgreSQL. Its owner calls `leave`. */
export class Backend {
  readonly intake: Intake;
  readonly login: Login;
  readonly #options: BackendOptions;
  #cancelling: Promise<void> | undefined;
  #nextCancel: Promise<void> | undefined;

  private constructor(intake: Intake, made: Login, options: BackendOptions) {
    this.intake = intake;
    this.login = made;
    this.#options = options;
  }

  /**
   * Connects and logs in.
   *
   * @throws BackendRefusal, or Error saying why not; nothing is left then
   */
  static async open(options: BackendOptions, signal: AbortSignal): Promise<Backend> {
    const intake = await dial(options.address, signal, options.report);
    const abort = () => intake.destroy();
    signal.addEventListener("abort", abort);
    try {
      return new Backend(intake, await login(intake, options.address, options.settings), options);
    } catch (thrown) {
      intake.destroy();
      throw thrown;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** The number of PostgreSQL's process, on whatever machine it runs. */
  get pid(): number {
    return this.login.key.readInt32BE(0);
  }

  /**
   * Asks PostgreSQL to cancel what it does for this session; resolves when it has acted on it. However many ask, one
   * request is under way at a time, and one waits. Never throws: a cancel is a wish.
   */
  cancel(): Promise<void> {
    if (this.#cancelling === undefined) {
      this.#cancelling = this.#cancel().finally(() => {
        this.#cancelling = undefined;
      });
      return this.#cancelling;
    }
    // The one under way may have come too early for the statement that is meant.
    this.#nextCancel ??= this.#cancelling.then(async () => {
      await Bun.sleep(cancelPauseMs);
      this.#nextCancel = undefined;
      return this.cancel();
    });
    return this.#nextCancel;
  }

  /**
   * Ends the session; resolves when PostgreSQL has let go of it, so that its place is free indeed.
   *
   * @param busy whether it may be in the middle of a statement, which is then cancelled
   */
  async leave(busy: boolean): Promise<void> {
    const gone = Promise.withResolvers<void>();
    const drop: Taker = { onData() {}, onDrain() {}, onClose: () => gone.resolve() };
    this.intake.handOver(drop);
    if (!busy) this.intake.wire.write(serialize.end());
    this.intake.wire.end();
    const cancelled = busy ? this.cancel() : undefined;
    await within(gone.promise, leaveMs);
    this.intake.destroy();
    await cancelled;
  }

  async #cancel(): Promise<void> {
    const { address, report } = this.#options;
    try {
      await cancelStatement(address, { processId: this.pid, secret: this.login.key.readInt32BE(4) }, report);
    } catch (thrown) {
      report(thrown);
    }
  }
}
