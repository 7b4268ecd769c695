import type { Address } from "@openworkers/db";
import { Parser } from "pg-protocol/dist/parser";
import { Backend } from "../wire/backend/backend.ts";
import type { BackendMessage } from "./backend-messages.ts";
import type { Keepable } from "./connection-budget.ts";

/** Whoever talks with the server at the moment. */
export interface Conversation {
  onMessage(message: BackendMessage): void;
  /** Called for every piece that arrives, before its messages: how many bytes. */
  onBytes(count: number): void;
  /** The connection has ended. */
  onLost(): void;
}

export interface BackendOptions {
  /** Settings of the session, which `RESET ALL` goes back to. */
  readonly settings: Readonly<Record<string, string>>;
  /** Which connections are alike. */
  readonly key: string;
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
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #backend: Backend;
  readonly #parser = new Parser();
  readonly #ended = Promise.withResolvers<void>();
  #conversation: Conversation | undefined;
  #open = true;
  /** Bytes that came while nobody listened. */
  #unasked = 0;
  #cancelled: Promise<void> | undefined;

  private constructor(backend: Backend, key: string) {
    this.key = key;
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
    const { settings, key, connectTimeoutMs, report } = options;
    const signal = AbortSignal.timeout(connectTimeoutMs);
    try {
      return new BackendConnection(await Backend.open({ address, settings, report }, signal), key);
    } catch (thrown) {
      signal.throwIfAborted();
      throw thrown;
    }
  }

  /** The number of PostgreSQL's process, on whatever machine it runs. */
  get pid(): number {
    return this.#backend.pid;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Whether a cancel is on its way, which may hit whatever runs next. */
  get tainted(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Makes `conversation` the one that hears what comes; nobody, when it is undefined. */
  attach(conversation: Conversation | undefined): void {
    this.#conversation = conversation;
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
    this.#ended.resolve();
    this.#conversation?.onLost();
  }
}

/** What a server has to say when it is not asked: that a setting changed, or a notice. */
const mostUnaskedBytes = 65_536;
