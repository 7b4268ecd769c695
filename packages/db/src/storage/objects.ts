import {
  type BucketId,
  type Checksums,
  type Condition,
  conditionHolds,
  type ObjectMetadata,
  type StoredObject,
  storageError,
} from "@openworkers/core";
import { type Selectable, sql } from "kysely";
import type { Queries } from "../database.ts";
import type { Tables } from "../tables.ts";
import type { Blob } from "./blobs.ts";

export type ObjectRow = Selectable<Tables["storage_objects"]>;

export function objectOf(row: Omit<ObjectRow, "bucket_id">): StoredObject {
  return {
    key: row.key,
    version: row.version,
    size: row.size,
    etag: row.etag,
    uploadedAt: row.uploaded_at,
    http: row.http_metadata,
    custom: row.custom_metadata,
    checksums: row.checksums,
    storageClass: row.storage_class,
  };
}

/** @throws the error noSuchBucket */
export async function mustHaveBucket(queries: Queries, bucketId: BucketId): Promise<void> {
  const bucket = await queries
    .selectFrom("storage_buckets")
    .select("id")
    .where("id", "=", bucketId)
    .executeTakeFirst();
  if (bucket === undefined) throw storageError("noSuchBucket");
}

export function selectObject(
  queries: Queries,
  bucketId: BucketId,
  key: string,
): Promise<ObjectRow | undefined> {
  return queries
    .selectFrom("storage_objects")
    .selectAll()
    .where("bucket_id", "=", bucketId)
    .where("key", "=", key)
    .executeTakeFirst();
}

/** Content that is read with the object's row: what a chunk of its own would take a second round trip for. */
const inlineBytes = 64 * 1_024;

/** The object and its blobs in order, as they were at one moment: one statement. Of a small one the content, too. */
export async function selectWithBlobs(
  queries: Queries,
  bucketId: BucketId,
  key: string,
): Promise<{ object: StoredObject; blobs: Blob[]; content: Uint8Array | undefined } | undefined> {
  const row = await queries
    .selectFrom("storage_objects")
    .selectAll()
    .select(({ selectFrom }) =>
      selectFrom("storage_blobs")
        .select(
          sql<
            Blob[]
          >`json_agg(json_build_object('id', id, 'chunkBytes', chunk_bytes, 'size', size) order by position)`.as(
            "blobs",
          ),
        )
        .whereRef("storage_blobs.version", "=", "storage_objects.version")
        .as("blobs"),
    )
    .select(({ selectFrom }) =>
      selectFrom("storage_blobs")
        .innerJoin("storage_chunks", "storage_chunks.blob_id", "storage_blobs.id")
        .select("bytes")
        .whereRef("storage_blobs.version", "=", "storage_objects.version")
        .whereRef("storage_blobs.size", "=", "storage_objects.size")
        .where("storage_objects.size", "<=", inlineBytes)
        .where("number", "=", 0)
        .limit(1)
        .as("content"),
    )
    .where("bucket_id", "=", bucketId)
    .where("key", "=", key)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const whole = row.content?.byteLength === row.size ? row.content : undefined;
  return { object: objectOf(row), blobs: row.blobs ?? [], content: whole };
}

export interface NewObject {
  readonly version: string;
  readonly size: number;
  readonly etag: string;
  readonly metadata: ObjectMetadata;
  readonly checksums: Checksums;
  /** Complete and loose, in their order. */
  readonly blobIds: readonly string[];
}

/** Puts an object in the place of what the key had, whose blobs become loose; undefined when `onlyIf` does not hold. */
export async function replaceObject(
  transaction: Queries,
  bucketId: BucketId,
  key: string,
  onlyIf: Condition | undefined,
  { version, size, etag, metadata, checksums, blobIds }: NewObject,
): Promise<StoredObject | undefined> {
  // Of concurrent writers of a key, each judges what the one before it left; there may be no row to lock yet.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${bucketId}/${key}`}, 0))`.execute(transaction);
  if (onlyIf !== undefined) {
    const current = await selectObject(transaction, bucketId, key);
    if (!conditionHolds(onlyIf, current === undefined ? undefined : objectOf(current))) return undefined;
  }
  await mustHaveBucket(transaction, bucketId);
  await transaction
    .deleteFrom("storage_objects")
    .where("bucket_id", "=", bucketId)
    .where("key", "=", key)
    .execute();
  const row = await transaction
    .insertInto("storage_objects")
    .values({
      bucket_id: bucketId,
      key,
      version,
      size,
      etag,
      uploaded_at: sql<Date>`clock_timestamp()`,
      http_metadata: metadata.http,
      custom_metadata: metadata.custom,
      checksums,
      storage_class: metadata.storageClass,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const { numUpdatedRows } = await transaction
    .updateTable("storage_blobs")
    .from(
      sql<{ id: string; place: number }>`unnest(${blobIds}::uuid[]) with ordinality`.as<"given">(
        sql`given(id, place)`,
      ),
    )
    .set({ version, position: sql<number>`given.place`, upload_id: null, part_number: null })
    .whereRef("storage_blobs.id", "=", "given.id")
    .executeTakeFirstOrThrow();
  // The sweep takes what was left alone for minutes; without this, an object could lose its content to it.
  if (numUpdatedRows !== BigInt(blobIds.length)) throw new Error("a blob was swept before it was used");
  return objectOf(row);
}
