import type { Socket } from "bun";

/** A client without manners: sends any bytes, and keeps all that comes back. */
export class RawClient implements Disposable {
  readonly #socket: Socket;
  readonly #closed = Promise.withResolvers<void>();
  #received = Buffer.alloc(0);
  #waiting: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async connect(place: { port: number } | { unix: string }): Promise<RawClient> {
    const made = Promise.withResolvers<RawClient>();
    const handlers = {
      open: (socket: Socket) => made.resolve(new RawClient(socket)),
      data: async (_: Socket, bytes: Buffer) => (await made.promise).#take(bytes),
      close: async () => (await made.promise).#closed.resolve(),
      error: () => {},
    };
    if ("unix" in place) await Bun.connect({ unix: place.unix, socket: handlers });
    else await Bun.connect({ hostname: "127.0.0.1", port: place.port, socket: handlers });
    return made.promise;
  }

  /** Everything so far. */
  get received(): Buffer {
    return this.#received;
  }

  /** Resolves when the other side has closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  send(bytes: Uint8Array | string): void {
    this.#socket.write(bytes);
  }

  /** Resolves when so many bytes have come. */
  async until(bytes: number): Promise<Buffer> {
    while (this.#received.length < bytes) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = resolve;
      await promise;
    }
    return this.#received;
  }

  /** Stops reading; the kernel's buffers fill. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    this.#waiting?.();
  }
}

/** The packet of a code and what follows it. */
export function packet(code: number, rest: Uint8Array = new Uint8Array(0)): Buffer {
  const bytes = Buffer.alloc(8 + rest.length);
  bytes.writeUInt32BE(bytes.length);
  bytes.writeUInt32BE(code, 4);
  bytes.set(rest, 8);
  return bytes;
}

export const codes = { ssl: 80877103, gss: 80877104, cancel: 80877102, three: 3 << 16 } as const;

/** A StartupMessage. */
export function startup(parameters: Record<string, string>): Buffer {
  const strings = Object.entries(parameters).flat();
  return packet(codes.three, Buffer.from(`${strings.map((text) => `${text}\0`).join("")}\0`));
}

export function message(type: string, body: Uint8Array | string): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}
