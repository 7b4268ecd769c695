import type { Socket } from "bun";

/** A response as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** All values of a field, in order. */
  all(name: string): string[];
}

/** A TCP client that sends exactly the bytes it is given, and reads no faster than it is told. */
export class RawClient implements Disposable {
  #socket: Socket<undefined> | undefined;
  #waiting: (() => void)[] = [];
  #received: Buffer[] = [];
  #outgoing: Uint8Array = new Uint8Array(0);
  bytesReceived = 0;
  bytesSent = 0;
  closed = false;
  /** The connection ended with a reset, not with a FIN. */
  reset = false;
  /** Bytes are counted and thrown away. */
  counting = false;

  static async connect(port: number): Promise<RawClient> {
    const client = new RawClient();
    client.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => {
          client.bytesReceived += bytes.length;
          if (!client.counting) client.#received.push(bytes);
          client.#wake();
        },
        drain: () => client.#flush(),
        close: (_socket, error) => {
          client.closed = true;
          client.reset = error !== undefined;
          client.#wake();
        },
        error: () => {},
      },
    });
    return client;
  }

  get text(): string {
    return Buffer.concat(this.#received).toString("latin1");
  }

  /** How many bytes have been handed over and not been taken by the kernel. */
  get unsent(): number {
    return this.#outgoing.length;
  }

  send(bytes: string | Uint8Array): this {
    const more = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    this.#outgoing = this.#outgoing.length === 0 ? more : Buffer.concat([this.#outgoing, more]);
    this.#flush();
    return this;
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Resolves when `predicate` holds; rejects when the connection closes first. */
  async until(predicate: () => boolean): Promise<void> {
    while (!predicate()) {
      if (this.closed) throw new Error(`The connection was closed after: ${this.text.slice(0, 400)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async untilText(text: string): Promise<void> {
    await this.until(() => this.text.includes(text));
  }

  /** The first response received, and forgets it. Understands Content-Length, chunked (left encoded) and none. */
  async response(withBody = true): Promise<RawResponse> {
    await this.until(() => this.text.includes("\r\n\r\n"));
    const headEnd = this.text.indexOf("\r\n\r\n") + 4;
    const head = this.text.slice(0, headEnd);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    let end = headEnd;
    if (withBody && length !== undefined) {
      end += Number(length);
      await this.until(() => this.text.length >= end);
    } else if (withBody && /\r\ntransfer-encoding: chunked/i.test(head)) {
      await this.until(() => this.text.indexOf("0\r\n\r\n", headEnd) >= 0);
      end = this.text.indexOf("0\r\n\r\n", headEnd) + 5;
    }
    const body = this.text.slice(headEnd, end);
    const rest = Buffer.concat(this.#received).subarray(end);
    this.#received = [rest];
    return {
      status: Number(head.slice(9, 12)),
      head,
      body,
      all: (name) =>
        head
          .split("\r\n")
          .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
          .map((line) => line.slice(name.length + 1).trim()),
    };
  }

  end(): void {
    this.#socket?.end();
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }

  #flush(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#outgoing.length === 0) return;
    const taken = Math.max(0, socket.write(this.#outgoing));
    this.bytesSent += taken;
    this.#outgoing = this.#outgoing.subarray(taken);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
