import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";

/** What a test's cell does with a connection's bytes so far; they are forgotten when it returns true. */
export type Script = (received: string, connection: ScriptedConnection) => boolean;

export interface ScriptedConnection {
  write(text: string | Uint8Array): void;
  end(): void;
  cut(): void;
}

/** A real Unix socket that answers with whatever bytes a test wants: a cell that was taken over. */
export class ScriptedCell implements Disposable {
  readonly socketPath: string;
  connections = 0;
  closed = 0;
  /** Sent behind each `write`, as the kernel takes it. */
  more: Uint8Array = new Uint8Array(0);
  readonly requests: string[] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), "ow-scripted-"));
  readonly #open = new Set<Socket<{ received: string }>>();
  readonly #server;
  #waiting: (() => void)[] = [];

  constructor(script: Script) {
    this.socketPath = join(this.#dir, "http");
    this.#server = Bun.listen<{ received: string }>({
      unix: this.socketPath,
      socket: {
        open: (socket) => {
          socket.data = { received: "" };
          this.connections++;
          this.#open.add(socket);
        },
        data: (socket, bytes) => {
          socket.data.received += bytes.toString("latin1");
          const connection = {
            write: (text: string | Uint8Array) =>
              this.#write(socket, typeof text === "string" ? Buffer.from(text, "latin1") : text),
            end: () => void socket.end(),
            cut: () => socket.terminate(),
          };
          const { received } = socket.data;
          if (script(received, connection)) {
            this.requests.push(received);
            socket.data.received = "";
          }
          this.#wake();
        },
        drain: (socket) => this.#write(socket, new Uint8Array(0)),
        close: (socket) => {
          this.closed++;
          this.#open.delete(socket);
          this.#wake();
        },
        error: () => {},
      },
    });
  }

  /** Answers each request whose head is there with `response`. */
  static answering(response: string): ScriptedCell {
    return new ScriptedCell((received, connection) => {
      if (!received.includes("\r\n\r\n")) return false;
      connection.write(response);
      return true;
    });
  }

  async until(predicate: () => boolean): Promise<void> {
    while (!predicate()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Reads nothing more until `resume`. */
  pause(): void {
    for (const socket of this.#open) socket.pause();
  }

  resume(): void {
    for (const socket of this.#open) socket.resume();
  }

  /** As if the process had been killed: the connections break and no new one is taken. */
  kill(): void {
    this.#server.stop(true);
    for (const socket of this.#open) socket.terminate();
  }

  [Symbol.dispose](): void {
    this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #write(socket: Socket<{ received: string }>, bytes: Uint8Array): void {
    if (bytes.length > 0) socket.write(bytes);
    while (this.more.length > 0) {
      const taken = Math.max(0, socket.write(this.more));
      this.more = this.more.subarray(taken);
      if (taken === 0) return;
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
