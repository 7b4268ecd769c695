import type { Address } from "@openworkers/db";
import { Backend } from "../wire/backend/backend.ts";
import type { BackendMessage } from "./backend-messages.ts";
import { BackendParser } from "./backend-parser.ts";
import type { Keepable } from "./connection-budget.ts";
import { SessionMemory } from "./session-memory.ts";

/** Whoever talks with the server at the moment. */
export interface Conversation {
  onMessage(message: BackendMessage): void;
  /** Called for every piece that arrives, before its messages: how many bytes. */
  onBytes(count: number): void;
  /** The connection has ended. */
  onLost(): void;
  /** Looks whether it takes too long. Returns in how many milliseconds it is to look again. */
  look(): number;
}

export interface BackendOptions {
  /** Settings of the session, which `RESET ALL` goes back to. */
  readonly settings: Readonly<Record<string, string>>;
  /** Which connections are alike. */
  readonly key: string;
  /** Whether a statement and plans may be kept from one call to the next; not unless given. */
  readonly keeps?: boolean;
  readonly connectTimeoutMs: number;
  /** Told of what should not happen: a server that does not speak the protocol, or a bug of ours. */
  readonly report: (error: unknown) => void;
}

/**
 * A session on a tenant's database. Messages go both ways as they are: a client library would make values of rows, hold a
 * value of a gigabyte whole, and send nothing ahead.
 */
export class BackendConnection implements Keepable {
  readonly key: string;
  /** What of the session's work is kept from one call to the next. */
  readonly memory: SessionMemory;
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #backend: Backend;
  readonly #parser = new BackendParser();
  readonly #ended = Promise.withResolvers<void>();
  #conversation: Conversation | undefined;
  #open = true;
  /** Bytes that came while nobody listened. */
  #unasked = 0;
  #cancelled: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lookAtMs = Number.POSITIVE_INFINITY;

  private constructor(backend: Backend, { key, keeps = false }: BackendOptions) {
    this.key = key;
    this.memory = new SessionMemory(keeps);
    this.#backend = backend;
    this.closed = this.#ended.promise;
    // Before whoever takes over from us when the session is left.
    backend.intake.onLost = () => this.#lost();
    const hear = (message: unknown) => this.#conversation?.onMessage(message as BackendMessage);
    backend.intake.handOver({
      onData: (piece) => {
        this.#heard(piece.byteLength);
        if (this.#open) this.#parser.parse(piece, hear);
      },
      onDrain: () => {},
      onClose: () => this.#lost(),
    });
  }

  /** @throws BackendRefusal with the server's words, or an `Error` of the network's */
  static async open(address: Address, options: BackendOptions): Promise<BackendConnection> {
    const { settings, connectTimeoutMs, report } = options;
    const signal = AbortSignal.timeout(connectTimeoutMs);
    try {
      return new BackendConnection(await Backend.open({ address, settings, report }, signal), options);
    } catch (thrown) {
      signal.throwIfAborted();
      throw thrown;
    }
  }

  /** The number of PostgreSQL's process, on whatever machine it runs. */
  get pid(): number {
    return this.#backend.pid;
  }

  /** The statement that the session has parsed. */
  get atHand(): string | undefined {
    return this.memory.statement?.sql;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Whether a cancel is on its way, which may hit whatever runs next. */
  get tainted(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Makes `conversation` the one that hears what comes, and has it look at its time after `lookMs`. */
  attach(conversation: Conversation, lookMs: number): void {
    this.#conversation = conversation;
    this.#lookWithin(lookMs);
  }

  /** Nobody hears what comes. */
  detach(): void {
    this.#conversation = undefined;
    this.#unasked = 0;
  }

  send(bytes: Buffer): void {
    this.#backend.intake.wire.write(bytes);
  }

  /** Has the server cancel what runs here. The connection is of no further use. */
  cancel(): Promise<void> {
    this.#cancelled ??= this.#backend.cancel();
    return this.#cancelled;
  }

  /** Ends the connection without a word to it; a statement that runs is cancelled beside it. */
  destroy(): Promise<void> {
    this.#backend.intake.destroy();
    return this.closed;
  }

  async close(): Promise<void> {
    if (this.#open) await this.#backend.leave(false);
    await this.closed;
  }

  /** One timer for all conversations: most end long before it does, and it is left to run for the next. */
  #lookWithin(ms: number): void {
    const atMs = performance.now() + ms;
    if (atMs >= this.#lookAtMs) return;
    clearTimeout(this.#timer);
    this.#lookAtMs = atMs;
    this.#timer = setTimeout(() => {
      this.#lookAtMs = Number.POSITIVE_INFINITY;
      if (this.#conversation !== undefined) this.#lookWithin(this.#conversation.look());
    }, ms);
    this.#timer.unref();
  }

  #heard(bytes: number): void {
    if (this.#conversation !== undefined) {
      this.#conversation.onBytes(bytes);
      return;
    }
    this.#unasked += bytes;
    if (this.#unasked > mostUnaskedBytes) void this.destroy();
  }

  #lost(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#ended.resolve();
    this.#conversation?.onLost();
  }
}

/** What a server has to say when it is not asked: that a setting changed, or a notice. */
const mostUnaskedBytes = 65_536;
