import { Wire, type WireOwner } from "@openworkers/core";
import { ProtocolViolation } from "./startup-packet.ts";

/** Who takes what arrives, once the handshake is done. */
export interface Taker {
  onData(bytes: Buffer): void;
  onDrain(): void;
  onClose(): void;
}

export interface Message {
  /** The letter that says what it is, as a number. */
  readonly type: number;
  readonly body: Buffer;
  /** All of it, as it came. */
  readonly bytes: Buffer;
}

/** Reading of one connection: in pieces of known length during the handshake, and all that comes afterwards. */
export class Intake implements WireOwner {
  readonly wire: Wire = new Wire(this);
  readonly #report: (error: unknown) => void;
  #held: Buffer = Buffer.alloc(0);
  #wanted: { bytes: number; resolve: (bytes: Buffer) => void; reject: (error: Error) => void } | undefined;
  #taker: Taker | undefined;
  #closed = false;
  /** Called when the peer has gone, whoever has taken over by then. */
  onLost: (() => void) | undefined;

  /** @param report is told of what should not happen: a bug of ours */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How many bytes have come that nobody has read. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /**
   * The next `bytes` bytes. One caller at a time.
   *
   * @throws ConnectionLost when the peer leaves first
   */
  async read(bytes: number): Promise<Buffer> {
    if (this.#held.length < bytes) {
      if (this.#closed) throw new ConnectionLost();
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      this.#wanted = { bytes, resolve, reject };
      this.wire.resume();
      return promise;
    }
    return this.#cut(bytes);
  }

  /**
   * The next message: a letter, a length, and what it is about.
   *
   * @throws ProtocolViolation when it is longer than `maxBytes`; ConnectionLost
   */
  async readMessage(maxBytes: number): Promise<Message> {
    const head = await this.read(5);
    const length = head.readUInt32BE(1);
    if (length < 4 || length > maxBytes) throw new ProtocolViolation("invalid message length");
    const body = await this.read(length - 4);
    return { type: head[0] ?? 0, body, bytes: Buffer.concat([head, body]) };
  }

  /** Puts back what was read last: it is read once more, or handed over. */
  putBack(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held]);
  }

  /** From now on `taker` gets everything, and first what has come already. */
  handOver(taker: Taker): void {
    this.#taker = taker;
    this.wire.resume();
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    if (held.length > 0) taker.onData(held);
    if (this.#closed) taker.onClose();
  }

  /** From now on it is read from again; the taker hears no more. */
  takeBack(): void {
    this.#taker = undefined;
  }

  onData(bytes: Buffer): void {
    if (this.#taker !== undefined) {
      this.#taker.onData(bytes);
      return;
    }
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const wanted = this.#wanted;
    if (wanted !== undefined && this.#held.length >= wanted.bytes) {
      this.#wanted = undefined;
      wanted.resolve(this.#cut(wanted.bytes));
    }
    // What a peer sends before its turn waits in the kernel. Only then: a paused socket does not hear its peer leave.
    if (this.#wanted === undefined && this.#held.length > 0) this.wire.pause();
  }

  /** Ends the connection at once. Whoever reads, or has taken over, hears that it is closed. */
  destroy(): void {
    this.wire.terminate();
    this.onClose();
  }

  onDrain(): void {
    this.#taker?.onDrain();
  }

  onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wanted?.reject(new ConnectionLost());
    this.#wanted = undefined;
    this.onLost?.();
    this.#taker?.onClose();
  }

  onFault(error: unknown): void {
    this.#report(error);
  }

  #cut(bytes: number): Buffer {
    const cut = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return cut;
  }
}

/** The peer went away during the handshake. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";

  constructor(options?: ErrorOptions) {
    super("the connection was closed", options);
  }
}
