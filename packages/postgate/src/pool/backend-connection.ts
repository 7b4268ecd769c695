import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import { within } from "@openworkers/core";
import type { Address } from "@openworkers/db";
import { Client } from "pg";
import { parse } from "pg-protocol";
import { type BackendKey, cancelStatement } from "../cancel-statement.ts";
import { startupOptions } from "../tenants/session-settings.ts";
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
}

/**
 * A session on a tenant's database. `pg` makes the connection: sockets, TLS, passwords. From then on messages go both
 * ways as they are, for `pg` would make values of rows, hold a value of a gigabyte whole, and send nothing ahead.
 */
export class BackendConnection implements Keepable {
  readonly key: string;
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #client: Client;
  readonly #stream: Duplex;
  readonly #address: Address;
  readonly #backend: BackendKey;
  #conversation: Conversation | undefined;
  #open = true;
  /** Bytes that came while nobody listened. */
  #unasked = 0;
  #cancelled: Promise<void> | undefined;

  private constructor(client: Client, address: Address, backend: BackendKey, key: string) {
    this.key = key;
    this.#client = client;
    this.#address = address;
    this.#backend = backend;
    this.#stream = client.connection.stream;
    // `pg`'s own reader; its listeners for errors and for the end stay.
    this.#stream.removeAllListeners("data");
    this.#stream.on("data", (piece: Buffer) => {
      if (this.#conversation !== undefined) {
        this.#conversation.onBytes(piece.byteLength);
        return;
      }
      this.#unasked += piece.byteLength;
      if (this.#unasked > mostUnaskedBytes) this.#stream.destroy();
    });
    void parse(this.#stream, (message) => this.#conversation?.onMessage(message as BackendMessage));
    this.closed = new Promise((resolve) => {
      const ended = () => {
        if (!this.#open) return;
        this.#open = false;
        resolve();
        this.#conversation?.onLost();
      };
      client.on("end", ended);
      this.#stream.on("close", ended);
    });
  }

  /** @throws what `pg` throws when it cannot connect: a `DatabaseError`, or an `Error` of the network's */
  static async open(address: Address, options: BackendOptions): Promise<BackendConnection> {
    const client = new Client({
      host: address.ip ?? address.host,
      port: address.port,
      database: address.database,
      user: address.user,
      password: address.password,
      ssl: address.tls === "disable" ? false : tlsOptions(address),
      connectionTimeoutMillis: options.connectTimeoutMs,
      keepAlive: true,
      options: startupOptions(options.settings),
    });
    let backend: BackendKey | undefined;
    client.connection.once("backendKeyData", (message: { processID: number; secretKey: number }) => {
      backend = { processId: message.processID, secret: message.secretKey };
    });
    // After the start, `closed` tells of it.
    client.on("error", () => {});
    if (address.tls === "disable") boundStart(client.connection.stream);
    else client.connection.once("sslconnect", () => boundStart(client.connection.stream));
    try {
      await client.connect();
      if (backend === undefined) throw new Error("the server gave no key to cancel with");
      return new BackendConnection(client, address, backend, options.key);
    } catch (thrown) {
      client.connection.stream.destroy();
      throw thrown;
    }
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
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  /** Has the server cancel what runs here. The connection is of no further use. */
  cancel(): Promise<void> {
    // Whoever cancels goes on to end the connection: a server that cannot be reached has lost it anyway.
    this.#cancelled ??= cancelStatement(this.#address, this.#backend, () => {}).catch(() => {});
    return this.#cancelled;
  }

  /** Ends the connection without a word to it; a statement that runs is cancelled beside it. */
  destroy(): Promise<void> {
    this.#stream.destroy();
    return this.closed;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    await within(this.#client.end(), 1_000);
    this.#stream.destroy();
    await this.closed;
  }
}

/** What a server has to say when it is not asked: that a setting changed, or a notice. */
const mostUnaskedBytes = 65_536;

/** More than any server says at a session's start. One of a tenant's may be anything, and `pg` would hold all of it. */
const mostStartBytes = 65_536;

function boundStart(stream: Duplex): void {
  let bytes = 0;
  stream.on("data", (piece: Buffer) => {
    bytes += piece.byteLength;
    if (bytes > mostStartBytes) stream.destroy(new Error("the server says too much at the session's start"));
  });
}

/** By the host's name, also where the connection goes to the address that the name was found to have. */
function tlsOptions({ host, tls }: Address): ConnectionOptions {
  return {
    rejectUnauthorized: tls === "verify-full",
    // An address is no name that a server could choose a certificate by (RFC 6066 §3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  };
}
