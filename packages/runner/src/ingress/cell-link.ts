import type { RequestId } from "@openworkers/core";
import type { Lease, Verdict } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import type { Span } from "../tracing/span.ts";
import type { IngressContext } from "./context.ts";
import type { Upstream, UpstreamUser } from "./upstream.ts";

/** Who a link is for. Nothing is called after `close`. */
export interface CellLinkUser {
  /** A connection to a cell stands: write the request. Called again when it had to be replaced unnoticed. */
  linked(): void;
  received(bytes: Buffer): void;
  drained(): void;
  /** Whether nothing is lost by writing the request again on another connection. */
  readonly repeatable: boolean;
  /** The connection broke; `lost` follows when it is known why. */
  broke(): void;
  /** `verdict` is undefined when the cell lives on and only the connection ended. */
  lost(verdict: Verdict | undefined): void;
  /** There is no cell to be had. */
  failed(error: unknown): void;
}

export interface CellLinkContext extends Pick<IngressContext, "dispatcher" | "pool" | "report"> {
  /** Which of the cell's sockets it leads to. Default: the one for requests. */
  readonly socketOf?: (lease: Lease) => string;
}

/** How long a broken connection to a cell may wait for the supervisor to say why. */
const verdictMs = 1_000;

/**
 * One request's way to a cell: the place in it and the connection to it. Both are given up exactly once,
 * whatever ends the request.
 */
export class CellLink implements UpstreamUser {
  readonly #context: CellLinkContext;
  readonly #user: CellLinkUser;
  readonly #requestId: RequestId;
  readonly #signal: AbortSignal;
  #lease: Lease | undefined;
  /** The place, until there is another. */
  #last: Lease | undefined;
  #upstream: Upstream | undefined;
  #closed = false;

  constructor(context: CellLinkContext, user: CellLinkUser, requestId: RequestId, signal: AbortSignal) {
    this.#context = context;
    this.#user = user;
    this.#requestId = requestId;
    this.#signal = signal;
  }

  /** The connection stands. */
  get up(): boolean {
    return this.#upstream !== undefined;
  }

  get leased(): boolean {
    return this.#lease !== undefined;
  }

  get coldStart(): boolean {
    return this.#last?.coldStart ?? false;
  }

  /** CPU time spent on the request, in milliseconds: all of it once the place is given up. */
  get cpuMs(): number {
    return this.#last?.cpuMs() ?? 0;
  }

  /** @param span of the request, when it is recorded */
  open(target: Target, span?: Span): void {
    const options = { requestId: this.#requestId, signal: this.#signal, span };
    const place = this.#context.dispatcher.acquire(target, options);
    if (!(place instanceof Promise)) {
      this.#leased(place);
      return;
    }
    place.then(
      (lease) => this.#leased(lease),
      (thrown: unknown) => {
        if (!this.#closed) this.#user.failed(thrown);
      },
    );
  }

  /** False when no more should be written until `drained`. Without a connection the bytes are dropped. */
  write(bytes: Uint8Array): boolean {
    this.#lease?.moved(bytes.length, 0);
    return this.#upstream?.wire.write(bytes) ?? true;
  }

  /** The client sent a message of its own within the request. */
  renew(): void {
    this.#lease?.renew();
  }

  pause(): void {
    this.#upstream?.wire.pause();
  }

  resume(): void {
    this.#upstream?.wire.resume();
  }

  /** Gives the place up and keeps the connection, for which `another` finds places as they are needed. */
  rest(): void {
    this.#lease?.release();
  }

  /** A place of its own for what goes over this connection. Whoever asks releases it; undefined when the cell ends. */
  another(span?: Span): Lease | undefined {
    return this.#lease?.again(span);
  }

  /** Gives place and connection up, to begin again with `open`. `reusable`: both sides are done with it. */
  giveUp(reusable: boolean): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    if (reusable) upstream?.release();
    else upstream?.destroy();
    this.#lease?.release();
    this.#lease = undefined;
  }

  close(reusable: boolean): void {
    this.#closed = true;
    this.giveUp(reusable);
  }

  onUpstreamData(bytes: Buffer): void {
    this.#lease?.moved(0, bytes.length);
    this.#user.received(bytes);
  }

  onUpstreamDrain(): void {
    this.#user.drained();
  }

  onUpstreamClose(): void {
    const upstream = this.#upstream;
    const lease = this.#lease;
    // Before it was handed over: `#connect` sees that it is closed.
    if (upstream === undefined || lease === undefined) return;
    this.#upstream = undefined;
    // An idle connection that the cell closed just as it was used.
    if (upstream.reused && this.#user.repeatable) this.#connect(lease);
    else this.#lost(lease);
  }

  #leased(lease: Lease): void {
    if (this.#closed) {
      lease.release();
      return;
    }
    this.#lease = lease;
    this.#last = lease;
    const upstream = this.#context.pool.take(this.#socketOf(lease), this);
    if (upstream === undefined) this.#connect(lease);
    else this.#linked(upstream);
  }

  #connect(lease: Lease): void {
    let cellEnded = false;
    const settled = () => {
      cellEnded = true;
    };
    lease.verdict().then(settled, settled);
    const ended = () => cellEnded || this.#lease !== lease;
    this.#context.pool.connect(this.#socketOf(lease), this, ended).then(
      (upstream) => {
        // The client left, or the time ran out, while the connection was being made.
        if (this.#lease !== lease) upstream.destroy();
        else if (upstream.wire.closed) this.#lost(lease);
        else this.#linked(upstream);
      },
      () => {
        // Why the cell takes no connection is what the verdict says.
        if (this.#lease === lease) this.#lost(lease);
      },
    );
  }

  #socketOf(lease: Lease): string {
    return this.#context.socketOf?.(lease) ?? lease.socketPath;
  }

  #linked(upstream: Upstream): void {
    this.#upstream = upstream;
    this.#user.linked();
  }

  /** The connection is gone before its time: the supervisor knows whether the cell is, and why. */
  #lost(lease: Lease): void {
    this.#user.broke();
    const judged = (verdict: Verdict | undefined) => {
      clearTimeout(timer);
      if (this.#lease === lease) this.#user.lost(verdict);
    };
    const timer = setTimeout(judged, verdictMs, undefined);
    lease.verdict().then(judged, (error: unknown) => {
      const requestId = this.#requestId;
      this.#context.report("The supervisor could not say how a cell ended.", { error, requestId });
      judged(undefined);
    });
  }
}
