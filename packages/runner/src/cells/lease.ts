import type { RequestId } from "@openworkers/core";
import type { Span } from "../tracing/span.ts";
import type { Target } from "./target.ts";

/** Why the cell under a lease ended, and whether this request is the one to blame. */
export interface Verdict {
  readonly reason: "cpu-limit" | "memory-limit" | "crashed";
  readonly culprit: boolean;
}

/** A request's place in a cell. Whoever acquired it releases it, exactly once. */
export interface Lease extends Disposable {
  /** The cell's HTTP socket. */
  readonly socketPath: string;
  /** Its sockets for the entrypoints of its target's `doors`. */
  readonly doors: readonly string[];
  /** Its socket for events that are no requests. */
  readonly eventsSocket: string;
  /** The cell was started for this request. */
  readonly coldStart: boolean;
  /**
   * Settles only when the cell ends before the lease is released. A broken connection to the cell is
   * explained by it within milliseconds; `verdict` waits for that.
   */
  verdict(): Promise<Verdict>;
  /** CPU time attributed to this request so far, in milliseconds. */
  cpuMs(): number;
  /** Bytes of the request that the cell was given, and of the response that it gave: they earn CPU time. */
  moved(read: number, written: number): void;
  /** The client sent a message on its WebSocket: the CPU limit starts anew, as with a request. */
  renew(): void;
  /** Another place in the same cell, over its bounds if need be; undefined when the cell takes no more. */
  again(span?: Span): Lease | undefined;
  /** The response has ended, or the client has left. */
  release(): void;
}

export interface AcquireOptions {
  readonly requestId: RequestId;
  /** Aborts the wait for a place. */
  readonly signal: AbortSignal;
  /** How long it may hold its place even in a cell whose version is not live any more. Default: as requests do. */
  readonly holdMs?: number;
  /** What the cell asks for on the request's behalf is part of it. */
  readonly span?: Span | undefined;
}

/** Where the ingress gets cells from. */
export interface Dispatcher {
  /**
   * A place in a running cell of `target`, started when there is none. A promise only when it must be waited for,
   * and for every error: a request to a cell that runs goes on in the same turn.
   *
   * Rejects with OpenWorkersError OVERLOADED (queue full, or no place within `queueMs`), START_FAILED (the worker
   * does not start), CRASH_LOOP (it keeps dying; `details.retryAfterMs`), DATABASE_UNAVAILABLE (its code
   * is neither cached nor to be had).
   */
  acquire(target: Target, options: AcquireOptions): Lease | Promise<Lease>;
}
