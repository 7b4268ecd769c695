import type { RequestId, VersionId, WorkerId } from "./ids.ts";
import type { Outcome } from "./termination.ts";

export const logLevels = ["trace", "debug", "info", "log", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

interface RecordBase {
  /** Unix milliseconds. */
  readonly time: number;
  readonly workerId: WorkerId;
  readonly worker: string;
  readonly versionId: VersionId;
  readonly version: number;
  /** Absent for what runs outside a request, such as a module's top level. */
  readonly requestId?: RequestId;
}

/** One `console.*` call, or one uncaught exception (`exception` set, `message` its first line). */
export interface LogLine extends RecordBase {
  readonly kind: "line";
  readonly level: LogLevel;
  readonly message: string;
  readonly exception?: { readonly name: string; readonly message: string; readonly stack: string };
}

/** One invocation, written when it has ended. */
export interface InvocationRecord extends RecordBase {
  readonly kind: "invocation";
  readonly requestId: RequestId;
  /** `preview` is a request that somebody tried in the dashboard. */
  readonly trigger: "fetch" | "scheduled" | "queue" | "service" | "preview";
  /** Empty, as host and path are, when it was no request. */
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** The cron's expression, or the queue's name; absent when it was a request. */
  readonly event?: string;
  /** 0 when it was no request. */
  readonly status: number;
  readonly outcome: Outcome | "no-handler";
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly coldStart: boolean;
}

export type LogRecord = LogLine | InvocationRecord;

/**
 * Where records go. `emit` never blocks and never throws: a sink that cannot keep up drops records and
 * says in the worker's own log how many.
 */
export interface LogSink {
  emit(record: LogRecord): void;
}
