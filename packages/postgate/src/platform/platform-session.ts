import { isOpenWorkersError, messageOf, type Report, type UserId } from "@openworkers/core";
import { BackendRefusal } from "../wire/backend/refusal.ts";
import type { CancelKeys } from "../wire/cancel-keys.ts";
import { type Client, farewell } from "../wire/listener/client.ts";
import { ConnectionLost, type Taker } from "../wire/protocol/intake.ts";
import {
  authenticated,
  backendKeyData,
  fatal,
  parameterStatus,
  type ServerError,
} from "../wire/protocol/server-messages.ts";
import { tell } from "../wire/session.ts";
import type { BackendPool } from "./backend-pool.ts";
import type { Caller } from "./caller.ts";
import type { FairPlaces } from "./fair-places.ts";
import { firstStatement } from "./first-statement.ts";
import type { LentBackend } from "./lent-backend.ts";
import { MessageFrames } from "./message-frames.ts";

export interface SessionParts {
  readonly client: Client;
  readonly pool: BackendPool;
  readonly places: FairPlaces;
  readonly keys: CancelKeys<PlatformSession>;
  /** What callers are signed with. */
  readonly key: Uint8Array;
  /** For whom it is, and how to ask again; undefined on the face of the identity worker, whose transactions are nobody's. */
  readonly caller: Caller | undefined;
  readonly again: () => Promise<Caller | undefined>;
  /** Something may have been written, and is committed; called before the client is told. */
  readonly onWritten: () => void;
  /** What is to be said before the greeting, and waits for it so that both are one message to the kernel. */
  readonly unsaid: Buffer;
  readonly report: Report;
  /** How long it may last. */
  readonly lifeMs: number;
}

const nothing: Buffer = Buffer.alloc(0);
const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
/** CommandComplete of BEGIN, and ReadyForQuery in a transaction. */
const hasBegun = Buffer.from("C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T", "latin1");
const idleStatus = 0x49;

const over: ServerError = {
  code: "25P01",
  message: "the session has ended with its transaction",
  hint: "Connect again for the next transaction.",
};
const withdrawn: ServerError = { code: "28000", message: "the key or session is not good any more" };
const tooLong: ServerError = { code: "57P05", message: "the session has lasted for too long" };
const shutDown: ServerError = { code: "57P01", message: "the connection is being shut down" };

/** A client and the backend that it has for one transaction, or for as long as it stays on the face of the identity worker. */
export class PlatformSession {
  readonly #parts: SessionParts;
  readonly #ended = new AbortController();
  readonly #gone = Promise.withResolvers<void>();
  #backend: LentBackend | undefined;
  /** Statements that have not been answered to their end. */
  #unanswered = 0;
  /** Parts of a statement that nobody has asked to be carried out. */
  #begun = false;
  /** The client has said goodbye. */
  #leaves = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** Whom it is for. */
  get userId(): UserId | undefined {
    return this.#parts.caller?.userId;
  }

  /** Serves the client; resolves when it has gone and the backend is free of it. Does not throw. */
  async run(): Promise<void> {
    const { client, keys, places, caller, lifeMs } = this.#parts;
    client.intake.onLost = () => this.#ended.abort();
    if (client.intake.closed) this.#ended.abort();
    const timer = setTimeout(() => void this.end(tooLong), lifeMs);
    const key = keys.issue(this);
    try {
      using _place = await places.enter(caller?.userId ?? "identity", this.#ended.signal);
      await this.#serve(key);
    } catch (thrown) {
      void farewell(client, this.#refusal(thrown));
    } finally {
      clearTimeout(timer);
      keys.revoke(key);
      this.#gone.resolve();
    }
  }

  /** Has PostgreSQL cancel the statement that runs, if one does. */
  async cancel(): Promise<void> {
    if (this.#unanswered > 0) await this.#backend?.cancel();
  }

  /** Ends it, whatever it does; resolves when nothing of it is left. */
  async end(reason: ServerError = shutDown): Promise<void> {
    if (!this.#ended.signal.aborted) {
      // In the middle of an answer, words of ours would be taken for a part of it.
      void farewell(this.#parts.client, this.#unanswered === 0 ? reason : undefined);
      this.#ended.abort();
    }
    await this.#gone.promise;
  }

  /** Ends it when whom it is for may not have it any more. */
  async look(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    try {
      const { caller, again } = this.#parts;
      const now = await again();
      if (caller === undefined || (now !== undefined && sameRights(caller, now))) return;
    } catch (thrown) {
      // Not to be told is no reason: it does not last.
      if (!isOpenWorkersError(thrown, "UNAUTHORIZED")) return;
    }
    await this.end(withdrawn);
  }

  async #serve(key: Buffer): Promise<void> {
    const { client, pool, caller, unsaid } = this.#parts;
    let backend = pool.warm() ?? (await pool.fresh(this.#ended.signal));
    const whose = caller === undefined ? [] : [parameterStatus("openworkers.caller", caller.userId)];
    const greeting = [unsaid, authenticated, backend.greeting, ...whose, backendKeyData(key), readyForQuery];
    // Who goes on without waiting for it is told together with the first answer: a write and a read less for both.
    const answers = new Answers(client, Buffer.concat(greeting));
    let reusable = true;
    try {
      const hurry = setTimeout(() => void this.end(tooLong), firstMs);
      const first = await firstStatement(client.intake).finally(() => clearTimeout(hurry));
      // A client that has come for nothing.
      if (first.bytes[0] === 0x58) return;
      let naming: Buffer = nothing;
      if (caller !== undefined) {
        const begun = await this.#begin(backend, first.modes);
        backend = begun.backend;
        naming = backend.naming(caller, this.#parts.key, begun.beganUs);
      }
      this.#ended.signal.throwIfAborted();
      this.#backend = backend;
      const isDone = caller !== undefined && first.begins;
      if (isDone) answers.add(hasBegun);
      const mayWrite = !first.modes.includes("read only");
      reusable = await this.#relay(backend, {
        naming,
        first: isDone ? nothing : first.bytes,
        answers,
        mayWrite,
      });
    } catch (thrown) {
      reusable = false;
      throw thrown;
    } finally {
      const given = pool.giveBack(backend, { reusable, busy: this.#unanswered > 0 });
      // The next may wait for it; who is leaving need not.
      if (!reusable) await given;
      else void given;
    }
  }

  /** Gives the backend on which it has begun: one that waited may have gone without a word. */
  async #begin(backend: LentBackend, modes: string): Promise<{ backend: LentBackend; beganUs: string }> {
    try {
      return { backend, beganUs: await backend.begin(modes) };
    } catch (thrown) {
      if (!(thrown instanceof ConnectionLost) && !backend.closed) throw thrown;
      const fresh = await this.#parts.pool.fresh(this.#ended.signal);
      return { backend: fresh, beganUs: await fresh.begin(modes) };
    }
  }

  /**
   * Passes messages on until the transaction has ended or somebody leaves; gives whether the backend is good for others.
   *
   * @param begun what the backend is to be told before anything else, if something; what the client has sent so far;
   * what it is answered by; and whether its transaction may change something
   */
  async #relay(
    backend: LentBackend,
    {
      naming,
      first,
      answers,
      mayWrite,
    }: { naming: Buffer; first: Buffer; answers: Answers; mayWrite: boolean },
  ): Promise<boolean> {
    const { client, caller } = this.#parts;
    const asked = new MessageFrames();
    const answered = new MessageFrames();
    const { promise: done, resolve } = Promise.withResolvers<boolean>();
    let unsent: Buffer = naming;
    let ended = false;
    const finish = (clean: boolean) => {
      if (ended) return;
      ended = true;
      resolve(clean && this.#unanswered === 0 && !this.#begun && asked.between && answered.between);
    };
    const onAborted = () => finish(true);
    this.#ended.signal.addEventListener("abort", onAborted);
    const fromClient: Taker = {
      onData: (bytes) => {
        if (ended || this.#leaves) return;
        const parts = [unsent];
        unsent = nothing;
        for (const frame of guard(asked.cut(bytes), () => finish(false))) {
          // As PostgreSQL does: who says goodbye is first answered what was asked before.
          this.#leaves = frame.type === "X";
          if (this.#leaves) break;
          if (frame.ends) this.#asked(frame.type);
          parts.push(frame.bytes);
        }
        if (!backend.intake.wire.write(Buffer.concat(parts))) client.intake.wire.pause();
        if (this.#leaves && this.#unanswered === 0) finish(true);
      },
      onDrain: () => backend.intake.wire.resume(),
      onClose: () => finish(true),
    };
    const fromBackend: Taker = {
      onData: (bytes) => {
        const parts: Buffer[] = [];
        let isOver = false;
        for (const frame of guard(answered.cut(bytes), () => finish(false))) {
          if (ended) break;
          // What happens to others' rows is notified, and is not the API's to hear.
          if (frame.type === "A") continue;
          parts.push(frame.bytes);
          if (frame.type !== "Z") continue;
          this.#unanswered--;
          const isIdle = frame.bytes[5] === idleStatus;
          if (isIdle && mayWrite) this.#parts.onWritten();
          isOver = (caller !== undefined && isIdle) || (this.#leaves && this.#unanswered === 0);
          if (isOver) break;
        }
        if (parts.length > 0 && !answers.write(parts)) backend.intake.wire.pause();
        if (isOver) finish(true);
      },
      onDrain: () => client.intake.wire.resume(),
      onClose: () => finish(false),
    };
    // One write for all that has come.
    if (first.length > 0) client.intake.putBack(first);
    client.intake.handOver(fromClient);
    if (unsent.length > 0) fromClient.onData(nothing);
    if (naming.length > 0) await backend.isTheirs();
    backend.intake.handOver(fromBackend);
    // Until now nobody was told that it takes more.
    if (!backend.intake.wire.blocked) client.intake.wire.resume();
    const clean = await done;
    this.#ended.signal.removeEventListener("abort", onAborted);
    this.#backend = undefined;
    // Its connection may have been waiting for a client that reads no more.
    backend.intake.wire.resume();
    this.#dismiss();
    return clean;
  }

  #asked(type: string): void {
    // Query, Sync and FunctionCall are answered with ReadyForQuery; the others are a part of what a Sync ends.
    if (type === "Q" || type === "S" || type === "F") {
      this.#unanswered++;
      this.#begun = false;
    } else this.#begun = true;
  }

  /** Waits for the client to leave, which knows by itself that a transaction is over; whoever goes on is told. */
  #dismiss(): void {
    const { client } = this.#parts;
    if (this.#ended.signal.aborted || client.intake.closed) return;
    if (this.#leaves) {
      void farewell(client);
      return;
    }
    const timer = setTimeout(() => client.intake.destroy(), lingerMs);
    let told = false;
    client.intake.handOver({
      onData: (bytes) => {
        if (told) return;
        told = true;
        if (bytes[0] !== 0x58) client.intake.wire.write(fatal(over));
        client.intake.wire.end();
      },
      onDrain() {},
      onClose: () => clearTimeout(timer),
    });
  }

  #refusal(thrown: unknown): ServerError {
    if (this.#ended.signal.aborted || thrown instanceof ConnectionLost) {
      return { code: "08006", message: "the connection was closed" };
    }
    if (isOpenWorkersError(thrown)) {
      const { message: error, hint } = thrown;
      this.#parts.report("A transaction of the API's was refused.", {
        error,
        ...(hint === undefined ? {} : { hint }),
      });
      return tell(thrown);
    }
    this.#parts.report("A transaction of the API's could not begin.", { error: messageOf(thrown) });
    const code = thrown instanceof BackendRefusal ? thrown.code : "08006";
    return { code, message: "the platform's database cannot be used", hint: "Try again in a moment." };
  }
}

/** What goes to a client: at once when it waits, else with what comes next. */
class Answers {
  readonly #client: Client;
  #unsaid: Buffer[] = [];

  constructor(client: Client, greeting: Buffer) {
    this.#client = client;
    this.add(greeting);
  }

  add(bytes: Buffer): void {
    this.#unsaid.push(bytes);
    if (this.#client.intake.heldBytes === 0) this.write([]);
  }

  /** False when the client does not take as much. */
  write(parts: readonly Buffer[]): boolean {
    const bytes = Buffer.concat([...this.#unsaid, ...parts]);
    this.#unsaid = [];
    return this.#client.intake.wire.write(bytes);
  }
}

/** How long one that has a backend may take until it says what for. */
const firstMs = 10_000;
/** How long a client whose transaction is over may take to leave. */
const lingerMs = 10_000;

function* guard<T>(frames: Iterable<T>, onViolation: () => void): Generator<T, void, undefined> {
  try {
    yield* frames;
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    onViolation();
  }
}

function sameRights(one: Caller, other: Caller): boolean {
  const of = ({ userId, accountId, scopes }: Caller) => JSON.stringify([userId, accountId, scopes]);
  return of(one) === of(other);
}
