import type { Socket } from "bun";

/** A sign of life this young makes a question needless: a busy cell that ends requests gives one all the time. */
const signMs = 10;
/** But not for longer than this: a request also ends when its client leaves, which proves nothing. */
const trustMs = 30;

const question = "GET /alive HTTP/1.1\r\nHost: cell\r\nConnection: close\r\n\r\n";

/**
 * Asks a cell's event loop for a sign of life. The answer is made by workerd without running JavaScript, so
 * silence means that one turn of the worker's own code does not end.
 *
 * It is asked, and heard, on the event loop that also serves the requests. `fetch` has a thread of its own: on a
 * machine with more to do than processors that thread came too late while the cell went on answering, and a cell was
 * ended for a silence that was not its own.
 */
export class Heartbeat {
  readonly #socketPath: string;
  /** The cell's CPU clock when the unanswered question was asked. */
  #askedAtCpuMs: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #lastSignAt: number;
  #socket: Socket<undefined> | undefined;
  #stopped = false;

  constructor(socketPath: string, now: number) {
    this.#socketPath = socketPath;
    this.#lastSignAt = now;
  }

  /** When the event loop was last known to turn (`performance.now()`). */
  get lastSignAt(): number {
    return this.#lastSignAt;
  }

  /** CPU the cell has used since it was asked and did not answer; 0 when no question is open. */
  silentCpuMs(cpuMs: number): number {
    return this.#askedAtCpuMs === undefined ? 0 : cpuMs - this.#askedAtCpuMs;
  }

  /** Another proof of life than an answer: a request that ended. */
  sign(now: number): void {
    this.#lastSignAt = now;
  }

  /** Asks, unless a question is open or the last sign of life is recent. */
  ask(now: number, cpuMs: number): void {
    if (this.#askedAtCpuMs !== undefined || this.#stopped) return;
    if (now - this.#lastSignAt < signMs && now - this.#askedAt < trustMs) return;
    this.#askedAt = now;
    this.#askedAtCpuMs = cpuMs;
    let open = true;
    // Without an answer the cell has ended: its exit says the rest.
    const over = () => {
      if (!open) return;
      open = false;
      this.#askedAtCpuMs = undefined;
      this.#socket = undefined;
    };
    Bun.connect({
      unix: this.#socketPath,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          if (this.#stopped) socket.terminate();
          else socket.write(question);
        },
        data: (socket) => {
          if (open) this.sign(performance.now());
          over();
          socket.terminate();
        },
        close: over,
        error: over,
      },
    }).catch(over);
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }
}
