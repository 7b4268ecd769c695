import type { Intake, Taker } from "./protocol/intake.ts";

/** What the last bytes from PostgreSQL said, or that it has been asked something since. */
export type TransactionStatus = "idle" | "transaction" | "failed" | "busy";

const statuses: Readonly<Record<number, TransactionStatus>> = { 73: "idle", 84: "transaction", 69: "failed" };

export interface RelayOptions {
  readonly client: Intake;
  readonly backend: Intake;
  /** Called once, when either side has gone. */
  readonly onEnd: (who: "client" | "backend") => void;
}

/**
 * Passes bytes on between a client and PostgreSQL, unread. A side that does not take what it is sent is no longer read
 * for: at most one read's worth waits in memory.
 */
export class Relay {
  readonly #client: Intake;
  readonly #backend: Intake;
  readonly #onEnd: RelayOptions["onEnd"];
  #ended = false;
  #active = true;
  #status: TransactionStatus = "idle";
  #goodbye = false;
  readonly #awaitIdle: (() => void)[] = [];

  constructor({ client, backend, onEnd }: RelayOptions) {
    this.#client = client;
    this.#backend = backend;
    this.#onEnd = onEnd;
  }

  start(): void {
    const fromClient: Taker = {
      onData: (bytes) => {
        this.#active = true;
        this.#goodbye = endsWithTerminate(bytes);
        // A goodbye asks for nothing, and needs no cancel when the client is gone.
        if (!this.#goodbye || bytes.length > 5) this.#status = "busy";
        if (!this.#backend.wire.write(bytes)) this.#client.wire.pause();
      },
      onDrain: () => {
        this.#backend.wire.resume();
        this.#tellIdle();
      },
      onClose: () => this.#end("client"),
    };
    const fromBackend: Taker = {
      onData: (bytes) => {
        this.#active = true;
        this.#status = endsReady(bytes);
        if (!this.#client.wire.write(bytes)) this.#backend.wire.pause();
        this.#tellIdle();
      },
      onDrain: () => this.#client.wire.resume(),
      onClose: () => this.#end("backend"),
    };
    this.#backend.handOver(fromBackend);
    this.#client.handOver(fromClient);
  }

  /** Where the session is, as far as the last bytes tell. Only between statements may we say something of our own. */
  get status(): TransactionStatus {
    return this.#client.wire.blocked ? "busy" : this.#status;
  }

  /** Whether the last that the client said was that it leaves. */
  get saidGoodbye(): boolean {
    return this.#goodbye;
  }

  /** Resolves when the session is in no transaction and all of its answers have gone out; never, when it ends before. */
  betweenTransactions(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaitIdle.push(resolve);
    this.#tellIdle();
    return promise;
  }

  /** Whether bytes have passed since the last call. */
  wasActive(): boolean {
    const active = this.#active;
    this.#active = false;
    return active;
  }

  /** Passes nothing on any more, and calls nobody. */
  stop(): void {
    this.#ended = true;
  }

  #tellIdle(): void {
    if (this.#awaitIdle.length === 0 || this.status !== "idle") return;
    for (const resolve of this.#awaitIdle.splice(0)) resolve();
  }

  #end(who: "client" | "backend"): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(who);
  }
}

// X and a length of 4: the last message there is.
function endsWithTerminate(bytes: Buffer): boolean {
  const at = bytes.length - 5;
  return at >= 0 && bytes[at] === 0x58 && bytes.readUInt32BE(at + 1) === 4;
}

// ReadyForQuery: Z, a length of 5, and the status of the transaction. Read off the end, without reading what is before.
function endsReady(bytes: Buffer): TransactionStatus {
  const at = bytes.length - 6;
  if (at < 0 || bytes[at] !== 0x5a || bytes.readUInt32BE(at + 1) !== 5) return "busy";
  return statuses[bytes[at + 5] ?? 0] ?? "busy";
}
