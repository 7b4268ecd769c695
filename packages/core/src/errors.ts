/** Whose doing an error is: decides the log level and whether its message may reach a client. */
export type Fault = "user" | "worker" | "operator" | "platform";

interface ErrorKind {
  readonly status: number;
  readonly fault: Fault;
}

/**
 * Every error the platform raises on purpose: its code, the HTTP status it maps to and whose fault it is.
 * Codes are stable: clients, tests and documentation match on them, never on messages.
 */
export const errorTable = {
  INVALID_INPUT: { status: 400, fault: "user" },
  INVALID_NAME: { status: 400, fault: "user" },
  INVALID_MANIFEST: { status: 400, fault: "user" },
  INVALID_LIMIT: { status: 400, fault: "user" },
  UNAUTHORIZED: { status: 401, fault: "user" },
  FORBIDDEN: { status: 403, fault: "user" },
  NOT_FOUND: { status: 404, fault: "user" },
  NO_ENTRYPOINT: { status: 501, fault: "worker" },
  CONFLICT: { status: 409, fault: "user" },
  PRECONDITION_FAILED: { status: 412, fault: "user" },
  BODY_TOO_LARGE: { status: 413, fault: "user" },
  KEY_TOO_LONG: { status: 414, fault: "user" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, fault: "user" },
  SCRIPT_TOO_LARGE: { status: 413, fault: "user" },
  BUNDLE_FAILED: { status: 400, fault: "user" },
  START_FAILED: { status: 400, fault: "worker" },
  RATE_LIMITED: { status: 429, fault: "user" },
  SUBREQUEST_LIMIT: { status: 429, fault: "worker" },
  EGRESS_REFUSED: { status: 403, fault: "worker" },
  EGRESS_FAILED: { status: 502, fault: "worker" },
  WORKER_EXCEPTION: { status: 500, fault: "worker" },
  CPU_LIMIT: { status: 503, fault: "worker" },
  MEMORY_LIMIT: { status: 503, fault: "worker" },
  WALL_LIMIT: { status: 504, fault: "worker" },
  WORKER_CRASHED: { status: 503, fault: "worker" },
  CRASH_LOOP: { status: 503, fault: "worker" },
  QUERY_FAILED: { status: 400, fault: "user" },
  RESULT_TOO_LARGE: { status: 413, fault: "user" },
  OVERLOADED: { status: 503, fault: "platform" },
  DATABASE_UNAVAILABLE: { status: 503, fault: "operator" },
  STORAGE_UNAVAILABLE: { status: 503, fault: "operator" },
  BUS_UNAVAILABLE: { status: 503, fault: "operator" },
  BUS_FULL: { status: 503, fault: "operator" },
  DATABASE_NEWER: { status: 500, fault: "operator" },
  DATA_DIR_IN_USE: { status: 500, fault: "operator" },
  DATA_DIR_NEWER: { status: 500, fault: "operator" },
  PORT_IN_USE: { status: 500, fault: "operator" },
  SANDBOX_UNAVAILABLE: { status: 500, fault: "operator" },
  SECRET_UNREADABLE: { status: 500, fault: "operator" },
  CONFIG_INVALID: { status: 500, fault: "operator" },
  INTERNAL: { status: 500, fault: "platform" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorOptionsWithHint {
  readonly cause?: unknown;
  /** The next step for whoever reads the message. */
  readonly hint?: string;
  /** Machine-readable particulars: names, limits, positions. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Path of the input's field that the message is about, `limits.cpuMs`: becomes `details.issues`. */
  readonly field?: string;
}

/**
 * The platform's one error class. The message says what failed, with the value; `hint` says what to do.
 *
 * @example
 * throw new OpenWorkersError("PORT_IN_USE", "Port 8787 is taken.", { hint: "Choose another: --port 8788" });
 */
export class OpenWorkersError extends Error {
  override readonly name = "OpenWorkersError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptionsWithHint = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    const { details, field } = options;
    this.details = field === undefined ? details : { ...details, issues: [{ path: field, message }] };
  }

  /** The HTTP status for this error. */
  get status(): number {
    return errorTable[this.code].status;
  }

  get fault(): Fault {
    return errorTable[this.code].fault;
  }

  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }
}

/** Whether `value` is an `OpenWorkersError`, of any of the given codes when some are given. */
export function isOpenWorkersError(value: unknown, ...codes: ErrorCode[]): value is OpenWorkersError {
  return value instanceof OpenWorkersError && (codes.length === 0 || codes.includes(value.code));
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
