import type { z } from "zod";
import { OpenWorkersError } from "../errors.ts";

/** A payload of the bus: JSON with its version in `v`. */
export function encodePayload(value: { readonly v: number }): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
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
