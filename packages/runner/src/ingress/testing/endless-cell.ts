import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";

/** A cell whose response goes on as fast as anyone takes it; `accepted` is how much the kernel took. */
export class EndlessCell implements Disposable {
  readonly socketPath: string;
  accepted = 0;
  closed = 0;
  readonly #dir = mkdtempSync(join(tmpdir(), "ow-endless-"));
  readonly #block = Buffer.alloc(64 * 1024, 97);
  readonly #server;

  constructor(head: string) {
    this.socketPath = join(this.#dir, "http");
    this.#server = Bun.listen<undefined>({
      unix: this.socketPath,
      socket: {
        data: (socket) => {
          socket.write(head);
          this.#fill(socket);
        },
        drain: (socket) => this.#fill(socket),
        close: () => {
          this.closed++;
        },
        error: () => {},
      },
    });
  }

  /** Resolves when nothing has been taken for fifty turns of the event loop. */
  async stuck(): Promise<void> {
    for (let last = -1, turns = 0; turns < 50; ) {
      turns = this.accepted === last ? turns + 1 : 0;
      last = this.accepted;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #fill(socket: Socket<undefined>): void {
    for (;;) {
      const taken = Math.max(0, socket.write(this.#block));
      this.accepted += taken;
      if (taken < this.#block.length) return;
    }
  }
}
