import { type ErrorCode, isOpenWorkersError, OpenWorkersError } from "../errors.ts";

interface StorageErrorKind {
  readonly code: ErrorCode;
  readonly status: number;
  /** Cloudflare's number for it: developers.cloudflare.com/r2/api/error-codes. */
  readonly v4code: number;
  readonly message: string;
  /** What of a request it is about. */
  readonly field?: string;
}

/** What a bucket answers instead of what it was asked for, in R2's words. */
export const storageErrors = {
  internal: {
    code: "INTERNAL",
    status: 500,
    v4code: 10001,
    message: "We encountered an internal error. Please try again.",
  },
  noSuchBucket: {
    code: "NOT_FOUND",
    status: 404,
    v4code: 10006,
    message: "The specified bucket does not exist.",
  },
  noSuchKey: {
    code: "NOT_FOUND",
    status: 404,
    v4code: 10007,
    message: "The specified key does not exist.",
  },
  entityTooSmall: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10011,
    message: "Your proposed upload is smaller than the minimum allowed object size.",
    field: "body",
  },
  metadataTooLarge: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10012,
    message: "Your metadata headers exceed the maximum allowed metadata size.",
    field: "metadata",
  },
  incompleteBody: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10013,
    message: "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    field: "body",
  },
  invalidObjectName: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10020,
    message: "The specified object name is not valid.",
    field: "key",
  },
  invalidMaxKeys: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10022,
    message: "MaxKeys params must be positive integer <= 1000.",
    field: "limit",
  },
  noSuchUpload: {
    code: "NOT_FOUND",
    status: 400,
    v4code: 10024,
    message: "The specified multipart upload does not exist.",
  },
  invalidPart: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10025,
    message: "One or more of the specified parts could not be found.",
    field: "body",
  },
  invalidArgument: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10029,
    message: "Metadata missing or invalid",
    field: "metadata",
  },
  preconditionFailed: {
    code: "CONFLICT",
    status: 412,
    v4code: 10031,
    message: "At least one of the pre-conditions you specified did not hold.",
  },
  badDigest: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10037,
    message: "The checksum you specified did not match what we received.",
    field: "body",
  },
  invalidRange: {
    code: "INVALID_INPUT",
    status: 416,
    v4code: 10039,
    message: "The requested range is not satisfiable",
    field: "range",
  },
  unavailable: {
    code: "STORAGE_UNAVAILABLE",
    status: 503,
    v4code: 10043,
    message: "The storage is not available.",
  },
  tooManyRequests: {
    code: "SUBREQUEST_LIMIT",
    status: 429,
    v4code: 10058,
    message: "Too many requests. Please try again.",
  },
  badUpload: {
    code: "INVALID_INPUT",
    status: 400,
    v4code: 10048,
    message: "There was a problem with the multipart upload.",
    field: "body",
  },
  entityTooLarge: {
    code: "BODY_TOO_LARGE",
    status: 400,
    v4code: 100100,
    message: "Your proposed upload exceeds the maximum allowed object size.",
  },
} as const satisfies Record<string, StorageErrorKind>;

export type StorageErrorName = keyof typeof storageErrors;

/** One of `storageErrors`; `details.storage` is its name. */
export function storageError(
  name: StorageErrorName,
  message: string = storageErrors[name].message,
  options: { readonly cause?: unknown; readonly hint?: string } = {},
): OpenWorkersError {
  const { code, field }: StorageErrorKind = storageErrors[name];
  return new OpenWorkersError(code, message, {
    ...options,
    ...(field === undefined ? {} : { field }),
    details: { storage: name },
  });
}

/** Which of `storageErrors` something thrown is. */
export function storageErrorName(thrown: unknown): StorageErrorName | undefined {
  const name = isOpenWorkersError(thrown) ? thrown.details?.storage : undefined;
  return typeof name === "string" && Object.hasOwn(storageErrors, name)
    ? (name as StorageErrorName)
    : undefined;
}
