import { createHash } from "node:crypto";
import { OpenWorkersError, type UserId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import { sql } from "kysely";

/** A request that may come again and is to be done once: a caller's `Idempotency-Key` and what came with it. */
export interface OnceOnly {
  readonly key: string;
  /** Of method, path and body. */
  readonly hash: Uint8Array;
}

// A key is good for a day; a caller's old ones go when another is remembered.
const oldest = sql<Date>`now() - interval '1 day'`;

/** What the same request was answered before. */
export interface Answered {
  readonly status: number;
  readonly body: string;
}

/**
 * Reads a request's `Idempotency-Key`.
 *
 * @param body what tells this request from another one to the same path
 * @throws OpenWorkersError INVALID_INPUT
 */
export function onceOnly(request: Request, body: string): OnceOnly | undefined {
  const key = request.headers.get("idempotency-key");
  if (key === null) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new OpenWorkersError("INVALID_INPUT", "An Idempotency-Key has 1 to 255 visible ASCII characters.", {
      details: { issues: [{ path: "idempotency-key", message: "is not valid", in: "headers" }] },
    });
  }
  const { pathname, search } = new URL(request.url);
  const said = JSON.stringify([request.method, pathname, search, body]);
  return { key, hash: createHash("sha256").update(said).digest() };
}

/** @throws OpenWorkersError CONFLICT when the key came with another request before */
export async function answered(
  queries: Queries,
  by: UserId,
  { key, hash }: OnceOnly,
): Promise<Answered | undefined> {
  const row = await queries
    .selectFrom("idempotency_keys")
    .select(["request_hash", "status", "body"])
    .where("user_id", "=", by)
    .where("key", "=", key)
    .where("created_at", ">", oldest)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (Buffer.from(hash).equals(row.request_hash)) return { status: row.status, body: row.body };
  throw new OpenWorkersError("CONFLICT", `The Idempotency-Key "${key}" came with another request before.`, {
    hint: "Make a new key for each thing that is to be made.",
  });
}

/**
 * Remembers an answer, in the transaction that made what it tells of. When the same request is worked on twice at once,
 * the second waits here for the first, and is then to be run again: it finds the first's answer.
 *
 * @throws `RanTwice`
 */
export async function remember(
  queries: Queries,
  by: UserId,
  { key, hash }: OnceOnly,
  { status, body }: Answered,
): Promise<void> {
  await queries
    .deleteFrom("idempotency_keys")
    .where("user_id", "=", by)
    .where("created_at", "<=", oldest)
    .execute();
  const stored = await queries
    .insertInto("idempotency_keys")
    .values({ user_id: by, key, request_hash: hash, status, body })
    .onConflict((conflict) => conflict.columns(["user_id", "key"]).doNothing())
    .returning("key")
    .executeTakeFirst();
  if (stored === undefined) throw new RanTwice();
}

/** The same request was finished while this one was worked on; all of this is taken back. */
export class RanTwice extends Error {
  override readonly name = "RanTwice";
}
