import type { LogLevel, RequestId } from "@openworkers/core";

/** How a cell's process ended. */
export interface CellExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** V8 said that it ran out of memory. */
  readonly outOfMemory: boolean;
  /** Last 4 KiB of what workerd itself wrote on stderr: for the operator's log, never for a client. */
  readonly stderr: string;
}

/** A `console.*` call or an uncaught exception, as the cell wrote it. */
export interface CellLine {
  readonly time: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly requestId?: RequestId;
  readonly exception?: { readonly name: string; readonly message: string; readonly stack: string };
}

/**
 * The scheme of the URL that the worker sees is the value of this request header. workerd takes it out, so it
 * is not `X-Forwarded-Proto`, which the worker is to see as well.
 */
export const schemeHeader = "X-Ow-Scheme";

/** A running sandboxed workerd with one worker in it. Whoever started it disposes of it. */
export interface Cell extends AsyncDisposable {
  /** workerd's process id as the runner sees it. */
  readonly pid: number;
  /** Requests in (HTTP/1.1). */
  readonly httpSocket: string;
  /** Requests to the entrypoints of its target's `doors`, in their order. */
  readonly doors: readonly string[];
  /** Answers `GET /alive` with 200 from workerd's event loop, without running any JavaScript. */
  readonly controlSocket: string;
  /** Takes events that are no requests, for the worker's `scheduled()` and `queue()`. */
  readonly eventsSocket: string;
  /** VmData of the blank process, in bytes: the floor under RLIMIT_DATA. */
  readonly idleDataBytes: number;
  readonly exited: Promise<CellExit>;
  /** SIGKILL; `exited` follows. Idempotent. */
  kill(): void;
}
