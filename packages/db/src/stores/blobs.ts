import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Queries } from "../database.ts";

// Writers of references share this lock and the collector has it alone: else it could remove a blob between a
// deploy finding it there and referring to it. Advisory locks on two integers do not meet those on one.
const lockClass = 7_264;
const lockBlobs = 1;

/** The key of a content in `blobs`: its SHA-256 in lower-case hex. */
export function hashOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Stores each content once, whatever the number of those who refer to it. Part of the caller's transaction. */
export async function storeBlobs(
  transaction: Queries,
  contents: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${lockClass}, ${lockBlobs})`.execute(transaction);
  const hashes = [...contents.keys()];
  if (hashes.length === 0) return;
  const found = await transaction
    .selectFrom("blobs")
    .select("hash")
    .where("hash", "=", anyOf(hashes))
    .execute();
  const there = new Set(found.map(({ hash }) => hash));
  const missing = [...contents].filter(([hash]) => !there.has(hash));
  if (missing.length === 0) return;
  await transaction
    .insertInto("blobs")
    .values(missing.map(([hash, content]) => ({ hash, content })))
    .onConflict((conflict) => conflict.column("hash").doNothing())
    .execute();
}

/** One parameter for any number of hashes: a statement has room for 65,535. */
export function anyOf(hashes: readonly string[]) {
  return sql<string>`any(${[...hashes]}::text[])`;
}

/** A content by its hash, and its bytes. */
export interface HeldBlob {
  readonly hash: string;
  readonly size: number;
}

/** Of `hashes`, what there is. */
export async function heldBlobs(queries: Queries, hashes: readonly string[]): Promise<HeldBlob[]> {
  if (hashes.length === 0) return [];
  return queries.selectFrom("blobs").select(["hash", "size"]).where("hash", "=", anyOf(hashes)).execute();
}

/** Removes those of `held` to which nothing refers any more; returns how many bytes that freed. */
export async function collectBlobs(transaction: Queries, held: readonly HeldBlob[]): Promise<number> {
  await sql`select pg_advisory_xact_lock(${lockClass}, ${lockBlobs})`.execute(transaction);
  if (held.length === 0) return 0;
  const { rows } = await sql<{
    hash: string;
  }>`select collect_blobs(${held.map(({ hash }) => hash)}::text[]) as hash`.execute(transaction);
  const gone = new Set(rows.map(({ hash }) => hash));
  return held.reduce((sum, { hash, size }) => sum + (gone.has(hash) ? size : 0), 0);
}
