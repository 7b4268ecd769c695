import { messageOf, OpenWorkersError } from "@openworkers/core";
import { DatabaseError } from "pg";

// What `pg` throws without a code when there is no connection to work with (pg/lib/client.js, pg-pool/index.js).
const disconnected = [
  /^Connection terminated/,
  /^Client has encountered a connection error/,
  /^Client was closed/,
  /^timeout exceeded when trying to connect/,
  /^timeout expired/,
  /^The server does not support SSL connections/,
  /^SASL: /,
  /^Cannot use a pool after calling end/,
];

// Codes that the operating system gives to a server that cannot be reached.
const unreachable = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EACCES",
  "EPIPE",
  "ETIMEDOUT",
]);

// SQLSTATE classes and codes (PostgreSQL manual, appendix A) that say the same from the server's side.
const refused = [
  /^08/, // connection exceptions
  /^28/, // invalid authorization
  /^3D000$/, // the database does not exist
  /^53/, // insufficient resources: connections, disk, memory
  /^57P0[1-5]$/, // shutting down, starting up, database dropped, idle session timeout
  /^58/, // system error
];

/** The SQLSTATE or system code of a driver error. */
export function errorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

/** The name of the constraint that a statement violated. */
export function constraintOf(thrown: unknown): string | undefined {
  return thrown instanceof DatabaseError ? thrown.constraint : undefined;
}

/** Whether the same transaction may succeed when it is run again from its start. */
export function isRetryable(thrown: unknown): boolean {
  const code = errorCode(thrown);
  return code === "40001" || code === "40P01"; // serialization failure, deadlock
}

export function isUnavailable(thrown: unknown): boolean {
  const code = errorCode(thrown);
  if (code === undefined) {
    return thrown instanceof Error && disconnected.some((pattern) => pattern.test(thrown.message));
  }
  return unreachable.has(code) || refused.some((pattern) => pattern.test(code));
}

/**
 * What a driver error means to a caller: DATABASE_UNAVAILABLE when the server cannot be reached or refuses
 * us, FORBIDDEN when a policy or a missing grant does, CONFLICT or INVALID_INPUT when a constraint that no store explains better refused a row. Anything else
 * is returned as it is. `place` names the database, without its password.
 */
export function explain(thrown: unknown, place: string): unknown {
  if (thrown instanceof OpenWorkersError) return thrown;
  const code = errorCode(thrown);
  if (isUnavailable(thrown)) {
    return new OpenWorkersError("DATABASE_UNAVAILABLE", `Cannot use ${place}: ${messageOf(thrown)}`, {
      cause: thrown,
      hint: "Check that PostgreSQL is running and that DATABASE_URL is right.",
      details: code === undefined ? {} : { code },
    });
  }
  if (code === "42501") {
    return new OpenWorkersError("FORBIDDEN", `The database does not permit this: ${messageOf(thrown)}.`, {
      cause: thrown,
      details: { code },
      ...(thrown instanceof DatabaseError && thrown.hint !== undefined ? { hint: thrown.hint } : {}),
    });
  }
  const constraint = constraintOf(thrown);
  const details = { code, ...(constraint === undefined ? {} : { constraint }) };
  if (code === "23505" || code === "23503") {
    return new OpenWorkersError("CONFLICT", `The database refused the change: ${constraint ?? code}.`, {
      cause: thrown,
      details,
    });
  }
  if (code === "23514" || code === "23502" || code === "22P05" || code === "22021") {
    return new OpenWorkersError("INVALID_INPUT", `The database refused a value: ${constraint ?? code}.`, {
      cause: thrown,
      details,
    });
  }
  return thrown;
}
