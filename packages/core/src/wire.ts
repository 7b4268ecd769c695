import type { Socket, SocketHandler, TLSOptions } from "bun";

/** Who hears of what happens on a wire. Nothing is called after `onClose`. */
export interface WireOwner {
  onData(bytes: Buffer): void;
  /** Everything handed to `write` is with the kernel; more may be written. */
  onDrain(): void;
  onClose(): void;
  /** The peer will send no more. Without it, the wire is closed then. */
  onEnd?(): void;
  /** Something threw on behalf of this wire, which is about to be closed. */
  onFault(error: unknown): void;
}

/**
 * One side of a relay: a socket with back-pressure that can be asked for. What the kernel does not take at
 * once is kept here, and `write` says so: a caller that stops reading its source then keeps at most one
 * read's worth of bytes (512 KiB, the size of Bun's receive buffer) in memory.
 */
export class Wire {
  #socket: Socket<Wire> | undefined;
  readonly #owner: WireOwner;
  #pending: Uint8Array[] = [];
  #blocked = false;
  #paused = false;
  #ended = false;
  #closed = false;
  /** Bytes the peer has been handed, ever: what a stall is told by. */
  #written = 0;

  constructor(owner: WireOwner) {
    this.#owner = owner;
  }

  /** Not everything written is with the kernel yet. */
  get blocked(): boolean {
    return this.#blocked;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get written(): number {
    return this.#written;
  }

  get remoteAddress(): string {
    return this.#socket?.remoteAddress ?? "";
  }

  /** False when the bytes had to be kept back: `onDrain` follows. Bytes for a closed wire are dropped. */
  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.#ended) return true;
    if (bytes.length === 0) return !this.#blocked;
    if (this.#blocked || this.#socket === undefined) {
      this.#pending.push(bytes);
      this.#blocked = true;
      return false;
    }
    const taken = Math.max(0, this.#socket.write(bytes));
    this.#written += taken;
    if (taken === bytes.length) return true;
    if (!this.#closed) {
      this.#pending.push(taken === 0 ? bytes : bytes.subarray(taken));
      this.#blocked = true;
    }
    return false;
  }

  /** The socket's descriptor, for what Bun does not set itself; undefined when it is closed. */
  get fd(): number | undefined {
    if (this.#closed || this.#socket === undefined) return undefined;
    // Bun 1.4.5 has it, and its types do not know.
    const { fd } = this.#socket as Socket<Wire> & { readonly fd: number };
    // -1 once it is closed, which we are about to be told.
    return fd < 0 ? undefined : fd;
  }

  /** Stops reading: the peer is slowed down by TCP's own window, or the Unix socket's buffer. */
  pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused || this.#closed) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  /** Says that no more will be written, once everything is. Reading goes on, so that the peer is not reset. */
  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    if (!this.#blocked) this.#socket?.shutdown();
  }

  /** Lets go of the socket; the kernel goes on sending what it was given. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = [];
    this.#socket?.end();
  }

  /** Closes at once and resets the peer, so that it cannot take what it has for the whole. */
  terminate(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = [];
    // A paused socket's close event would wait for a reader; the owner has asked for the end and knows.
    this.#socket?.terminate();
  }

  /**
   * Goes on with TLS: what `inner` writes and reads goes over this socket, encrypted, and this wire is closed for its
   * own owner. Resolves when the handshake is done; nothing may be written to `inner` before.
   *
   * @param verify says what is wrong with the peer, if anything
   * @throws Error saying what went wrong; the socket is closed then
   */
  upgradeTls(
    inner: Wire,
    tls: TLSOptions,
    verify: (socket: Socket<Wire>) => Error | undefined = () => undefined,
  ): Promise<void> {
    const socket = this.#socket;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#closed || socket === undefined) throw new Error("the connection is closed");
    this.#closed = true;
    socket.upgradeTLS<Wire>({
      data: inner,
      tls,
      socket: {
        ...wireHandlers,
        handshake: (secured, success, error) => {
          const wrong = success ? verify(secured) : (error ?? new Error("the TLS handshake failed"));
          if (wrong === undefined) return resolve();
          reject(wrong);
          secured.terminate();
        },
        close: (secured) => {
          reject(new Error("the connection ended during the TLS handshake"));
          secured.data.gone();
        },
      },
    });
    return promise;
  }

  /** Has the kernel ask a silent peer whether it is still there, first after `initialMs`. */
  keepAlive(initialMs: number): void {
    this.#socket?.setKeepAlive(true, initialMs);
  }

  opened(socket: Socket<Wire>): void {
    this.#socket = socket;
    if (this.#closed) socket.terminate();
    else if (this.#pending.length > 0) this.drained();
    else if (this.#ended) socket.shutdown();
  }

  received(bytes: Buffer): void {
    if (!this.#closed) this.#owner.onData(bytes);
  }

  drained(): void {
    const socket = this.#socket;
    if (this.#closed || socket === undefined || !this.#blocked) return;
    while (this.#pending.length > 0) {
      const bytes = this.#pending[0] ?? new Uint8Array(0);
      const taken = Math.max(0, socket.write(bytes));
      this.#written += taken;
      if (this.#closed) return;
      if (taken < bytes.length) {
        this.#pending[0] = bytes.subarray(taken);
        return;
      }
      this.#pending.shift();
    }
    this.#blocked = false;
    if (this.#ended) socket.shutdown();
    else this.#owner.onDrain();
  }

  /** The peer has said that it will send no more. */
  peerEnded(socket: Socket<Wire>): void {
    if (!this.#closed && this.#owner.onEnd !== undefined) this.#owner.onEnd();
    else socket.end();
  }

  /** A callback threw, which is a bug of ours: it ends this connection and no other, and is told. */
  failed(error: unknown): void {
    if (isSocketError(error)) {
      this.gone();
      return;
    }
    this.#owner.onFault(error);
    const closed = this.#closed;
    this.terminate();
    if (!closed) this.#owner.onClose();
  }

  gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = [];
    this.#owner.onClose();
  }
}

/** Bun calls these for every socket; which one it is about is in `socket.data`. */
export const wireHandlers: SocketHandler<Wire> = {
  open: (socket) => socket.data.opened(socket),
  data: (socket, bytes) => socket.data.received(bytes),
  drain: (socket) => socket.data.drained(),
  end: (socket) => socket.data.peerEnded(socket),
  close: (socket) => socket.data.gone(),
  error: (socket, error) => socket.data.failed(error),
};

/** ECONNRESET, EPIPE and the like: a peer that went away, and nothing more to say about it. */
function isSocketError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
