import { OpenWorkersError, Wire, type WireOwner, wireHandlers } from "@openworkers/core";

/** Who uses a connection to a cell at the moment. */
export interface UpstreamUser {
  onUpstreamData(bytes: Buffer): void;
  onUpstreamDrain(): void;
  onUpstreamClose(): void;
}

// workerd closes a connection idle for 5 s (kj/compat/http.h, HttpServerSettings::pipelineTimeout). Letting go
// earlier means that a request is never written into one that is being closed.
const maxIdleMs = 3_000;

// A connect() beyond the socket's backlog fails with EAGAIN at once; a place comes free as soon as workerd's
// event loop turns. Bun 1.4.5 says ECONNREFUSED for it, as it does for a socket that nobody listens on any more
// (seen with a listener that does not accept), so whether the cell has ended is asked elsewhere.
const connectAttempts = 40;
const connectPauseMs = 5;

/** A connection to a cell's HTTP socket: one exchange at a time, then back to the pool. */
export class Upstream implements WireOwner {
  readonly socketPath: string;
  readonly wire: Wire;
  readonly #pool: UpstreamPool;
  #user: UpstreamUser | undefined;
  /** It has carried an exchange before this one, so its end may only mean that it was idle too long. */
  reused = false;
  idleSince = 0;

  constructor(socketPath: string, pool: UpstreamPool, user: UpstreamUser) {
    this.socketPath = socketPath;
    this.#pool = pool;
    this.#user = user;
    this.wire = new Wire(this);
  }

  use(user: UpstreamUser): void {
    this.#user = user;
    this.reused = true;
  }

  /** Back to the pool; whoever had it hears nothing more. */
  release(): void {
    this.#user = undefined;
    if (this.wire.closed) return;
    this.wire.resume();
    this.#pool.put(this);
  }

  /** Closes it; whoever had it hears nothing more. The cell sees its client leave. */
  destroy(): void {
    this.#user = undefined;
    this.wire.terminate();
  }

  onData(bytes: Buffer): void {
    if (this.#user !== undefined) this.#user.onUpstreamData(bytes);
    // A response nobody asked for would be read as the answer to the next request.
    else this.#discard();
  }

  onDrain(): void {
    this.#user?.onUpstreamDrain();
  }

  onFault(error: unknown): void {
    this.#pool.report("A connection to a cell failed.", { error });
  }

  onClose(): void {
    if (this.#user !== undefined) this.#user.onUpstreamClose();
    else this.#pool.remove(this);
  }

  #discard(): void {
    this.#pool.remove(this);
    this.wire.terminate();
  }
}

/** Idle connections by cell, the last used first. Disposing closes those that are idle. */
export class UpstreamPool implements Disposable {
  readonly report: (message: string, details: Record<string, unknown>) => void;
  readonly #idle = new Map<string, Upstream[]>();
  readonly #maxIdle: number;
  #idleCount = 0;
  #disposed = false;

  /** @param maxIdle connections that are kept at a time; what is more is closed */
  constructor(report: UpstreamPool["report"], maxIdle = Number.POSITIVE_INFINITY) {
    this.report = report;
    this.#maxIdle = maxIdle;
  }

  /** A connection that is ready, if there is one. */
  take(socketPath: string, user: UpstreamUser): Upstream | undefined {
    const upstream = this.#idle.get(socketPath)?.pop();
    if (upstream === undefined) return undefined;
    this.#idleCount--;
    upstream.use(user);
    return upstream;
  }

  /**
   * A new connection. What is written before it stands is kept and sent then.
   *
   * @param ended the cell, or who wants the connection, is gone: no further attempt is worth it
   * @throws OpenWorkersError WORKER_CRASHED when the cell's socket takes no connection
   */
  async connect(socketPath: string, user: UpstreamUser, ended: () => boolean): Promise<Upstream> {
    for (let attempt = 1; ; attempt++) {
      const upstream = new Upstream(socketPath, this, user);
      try {
        await Bun.connect({ unix: socketPath, socket: wireHandlers, data: upstream.wire });
        return upstream;
      } catch (thrown) {
        const full = hasCode(thrown, "EAGAIN") || hasCode(thrown, "ECONNREFUSED");
        if (!full || attempt >= connectAttempts || ended()) {
          throw new OpenWorkersError("WORKER_CRASHED", "The cell takes no connection.", { cause: thrown });
        }
        await Bun.sleep(connectPauseMs);
      }
    }
  }

  put(upstream: Upstream): void {
    if (this.#disposed || this.#idleCount >= this.#maxIdle) {
      upstream.destroy();
      return;
    }
    this.#idleCount++;
    upstream.idleSince = performance.now();
    const idle = this.#idle.get(upstream.socketPath);
    if (idle === undefined) this.#idle.set(upstream.socketPath, [upstream]);
    else idle.push(upstream);
  }

  remove(upstream: Upstream): void {
    const idle = this.#idle.get(upstream.socketPath);
    if (idle === undefined) return;
    const at = idle.indexOf(upstream);
    if (at >= 0) {
      idle.splice(at, 1);
      this.#idleCount--;
    }
    if (idle.length === 0) this.#idle.delete(upstream.socketPath);
  }

  /** Closes what has been idle too long; the oldest are in front. */
  sweep(now: number): void {
    for (const [socketPath, idle] of this.#idle) {
      while (idle[0] !== undefined && now - idle[0].idleSince > maxIdleMs) {
        idle.shift()?.destroy();
        this.#idleCount--;
      }
      if (idle.length === 0) this.#idle.delete(socketPath);
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const idle of this.#idle.values()) for (const upstream of idle) upstream.destroy();
    this.#idle.clear();
    this.#idleCount = 0;
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}
