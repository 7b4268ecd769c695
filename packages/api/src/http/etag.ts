import { createHash } from "node:crypto";
import { OpenWorkersError } from "@openworkers/core";
import type { z } from "zod";

/** The strong entity tag (RFC 9110 §8.8.3) of a representation: by its JSON text, quotes included. */
export function etagOf(json: string): string {
  return `"${createHash("sha256").update(json).digest("base64url").slice(0, 27)}"`;
}

/** Whether a list of tags, as of `If-Match` and `If-None-Match`, names `etag`. */
export function names(header: string, etag: string): boolean {
  return header.trim() === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

/**
 * For an update, in its transaction and after it has locked what it changes.
 *
 * @throws OpenWorkersError PRECONDITION_FAILED when the request's `If-Match` names another representation
 */
export function mustMatch(request: Request, json: string): void {
  const wanted = request.headers.get("if-match");
  if (wanted === null) return;
  const etag = etagOf(json);
  if (names(wanted, etag)) return;
  throw new OpenWorkersError("PRECONDITION_FAILED", "It was changed by somebody else meanwhile.", {
    hint: "Get it again, and decide again.",
    details: { etag },
  });
}

/** As `mustMatch`, for what is about to be deleted and was got by this schema. */
export function matchDeleted<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  current: z.input<Schema>,
): void {
  if (request.headers.has("if-match")) mustMatch(request, JSON.stringify(schema.parse(current)));
}
