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

/** Removes those of `hashes` to which nothing refers any more; returns how many bytes that freed. */
export async function collectBlobs(transaction: Queries, hashes: readonly string[]): Promise<number> {
  await sql`select pg_advisory_xact_lock(${lockClass}, ${lockBlobs})`.execute(transaction);
  if (hashes.length === 0) return 0;
  const removed = await transaction
    .deleteFrom("blobs")
    .where("hash", "=", anyOf(hashes))
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("version_assets").select("hash").whereRef("version_assets.hash", "=", "blobs.hash"),
        ),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom("blob_uploads").select("hash").whereRef("blob_uploads.hash", "=", "blobs.hash"))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("version_modules").select("hash").whereRef("version_modules.hash", "=", "blobs.hash"),
        ),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("version_source_maps")
            .select("hash")
            .whereRef("version_source_maps.hash", "=", "blobs.hash"),
        ),
      ),
    )
    .returning("size")
    .execute();
  return removed.reduce((sum, { size }) => sum + size, 0);
}
