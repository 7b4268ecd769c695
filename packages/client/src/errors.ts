import {
  type ErrorCode,
  type ErrorOptionsWithHint,
  errorTable,
  OpenWorkersError,
} from "@openworkers/core/errors";

/** What the API answered instead of what was asked for; `message`, `hint` and `details` are its own words. */
export class ApiError extends OpenWorkersError {
  /** As it was answered; `code` is the nearest that this release knows. */
  readonly httpStatus: number;
  /** For whoever runs the platform: their logs name the request so. */
  readonly requestId: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    {
      httpStatus,
      requestId,
      ...options
    }: ErrorOptionsWithHint & {
      readonly httpStatus: number;
      readonly requestId?: string | undefined;
    },
  ) {
    super(code, message, options);
    this.httpStatus = httpStatus;
    this.requestId = requestId;
  }
}

/** The error of an answer that is none of success. Its body is read. */
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  const said = failureIn(text);
  const { status: httpStatus } = response;
  const requestId = said.requestId ?? response.headers.get("x-request-id") ?? undefined;
  const details = typeof said.details === "object" && said.details !== null ? { ...said.details } : undefined;
  return new ApiError(
    said.code !== undefined && isCode(said.code) ? said.code : codeOf(httpStatus),
    said.message ?? `The API answered ${httpStatus}${text === "" ? "" : `: ${text.slice(0, 200)}`}`,
    {
      httpStatus,
      requestId,
      ...(said.hint === undefined ? {} : { hint: said.hint }),
      ...(details === undefined ? {} : { details }),
    },
  );
}

/** @throws nothing: what cannot be reached is an error like any other */
export function unreachable(url: string, cause: unknown): ApiError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ApiError("NOT_FOUND", `The API at ${new URL(url).origin} does not answer: ${why}`, {
    httpStatus: 0,
    hint: "Check the address, and that the platform runs.",
    cause,
  });
}

interface Failure {
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
  readonly details?: unknown;
  readonly requestId?: string;
}

function failureIn(text: string): Failure {
  try {
    const value: unknown = JSON.parse(text);
    const error = isRecord(value) && isRecord(value.error) ? value.error : {};
    const texts = ["code", "message", "hint", "requestId"].flatMap((name) =>
      typeof error[name] === "string" ? [[name, error[name]]] : [],
    );
    return { ...Object.fromEntries(texts), details: error.details };
  } catch {
    // A proxy in between answers in its own words: they are in the message.
    return {};
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

const codes: Readonly<Record<number, ErrorCode>> = {
  400: "INVALID_INPUT",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  409: "CONFLICT",
  413: "BODY_TOO_LARGE",
  429: "OVERLOADED",
  502: "OVERLOADED",
  503: "OVERLOADED",
  504: "OVERLOADED",
};

/** The nearest code, for an error that a later release or a proxy in between made. */
function codeOf(status: number): ErrorCode {
  return codes[status] ?? (status < 500 ? "INVALID_INPUT" : "INTERNAL");
}
