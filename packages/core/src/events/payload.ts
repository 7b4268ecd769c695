import type { z } from "zod";
import { OpenWorkersError } from "../errors.ts";

/** A payload of the bus: JSON with its version in `v`. */
export function encodePayload(value: { readonly v: number }): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The version that this release writes, of every payload but batches of log records. */
const version = 1;

/**
 * Whether a payload is of a later version than this release knows. While a platform is brought up to date, or back, another
 * process will know it: what waits on the bus must not be dropped for that.
 */
export function isFromLaterRelease(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const given = typeof value === "object" && value !== null && "v" in value ? value.v : undefined;
    return Number.isSafeInteger(given) && Number(given) > version;
  } catch {
    return false;
  }
}

/**
 * The payload that `bytes` hold.
 *
 * @throws OpenWorkersError INVALID_INPUT when they are none, or of a version that this release does not know
 */
export function decodePayload<Schema extends z.ZodType>(schema: Schema, bytes: Uint8Array): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "A message of the bus is not JSON.", { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OpenWorkersError(
    "INVALID_INPUT",
    `A message of the bus is not what its subject says: ${issue?.path.join(".")}: ${issue?.message}.`,
  );
}
