import { createHash } from "node:crypto";
import {
  type BucketId,
  checkPartSizes,
  isId,
  newId,
  type ObjectMetadata,
  type PublishedPart,
  type StoredObject,
  storageError,
  type UploadName,
} from "@openworkers/core";
import type { Selectable } from "kysely";
import type { Queries } from "../database.ts";
import type { Tables } from "../tables.ts";
import { mustHaveBucket, replaceObject } from "./objects.ts";

type UploadRow = Selectable<Tables["storage_uploads"]>;

export async function createUpload(
  transaction: Queries,
  bucketId: BucketId,
  key: string,
  metadata: ObjectMetadata,
): Promise<string> {
  await mustHaveBucket(transaction, bucketId);
  const id: string = newId<"upload">();
  await transaction
    .insertInto("storage_uploads")
    .values({
      id,
      bucket_id: bucketId,
      key,
      http_metadata: metadata.http,
      custom_metadata: metadata.custom,
      storage_class: metadata.storageClass,
    })
    .execute();
  return id;
}

/** @throws the error noSuchUpload */
export async function mustBeOpen(queries: Queries, bucketId: BucketId, upload: UploadName): Promise<void> {
  const found = await findUpload(queries, bucketId, upload, false);
  if (found?.state !== "open") throw storageError("noSuchUpload");
}

/** Makes a blob one of the upload's parts; the one that had its number becomes loose. @throws the error noSuchUpload */
export async function attachPart(
  transaction: Queries,
  bucketId: BucketId,
  upload: UploadName,
  { partNumber, blobId, etag }: { partNumber: number; blobId: string; etag: string },
): Promise<void> {
  // Locked: parts of one number replace each other one by one, and none comes after the upload is complete.
  const found = await findUpload(transaction, bucketId, upload, true);
  if (found?.state !== "open") throw storageError("noSuchUpload");
  await transaction
    .updateTable("storage_blobs")
    .set({ upload_id: null, part_number: null })
    .where("upload_id", "=", upload.id)
    .where("part_number", "=", partNumber)
    .execute();
  const { numUpdatedRows } = await transaction
    .updateTable("storage_blobs")
    .set({ upload_id: upload.id, part_number: partNumber, etag })
    .where("id", "=", blobId)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) throw new Error("a blob was swept before it was used");
}

/** @throws the errors noSuchUpload, invalidPart, entityTooSmall, badUpload */
export async function completeUpload(
  transaction: Queries,
  bucketId: BucketId,
  upload: UploadName,
  published: readonly PublishedPart[],
): Promise<StoredObject> {
  const found = await findUpload(transaction, bucketId, upload, true);
  if (found?.state !== "open") throw storageError("noSuchUpload");
  const uploaded = await transaction
    .selectFrom("storage_blobs")
    .select(["id", "part_number", "etag", "size"])
    .where("upload_id", "=", upload.id)
    .execute();
  const byNumber = new Map(uploaded.map((part) => [part.part_number, part]));
  const sorted = published.toSorted((one, other) => one.part - other.part);
  const parts = sorted.map(({ part: number, etag }, index) => {
    const part = byNumber.get(number);
    if (part === undefined || part.etag !== etag || sorted[index - 1]?.part === number) {
      throw storageError("invalidPart");
    }
    return { id: part.id, md5: etag, size: part.size ?? 0 };
  });
  if (parts.length === 0) throw storageError("invalidPart");
  checkPartSizes(parts.map(({ size }) => size));
  // S3's: the MD5 of the parts' MD5s, and how many there are.
  const md5 = createHash("md5");
  for (const part of parts) md5.update(part.md5, "hex");
  await end(transaction, upload.id, "completed");
  const object = await replaceObject(transaction, bucketId, upload.key, undefined, {
    version: newId(),
    size: parts.reduce((sum, { size }) => sum + size, 0),
    etag: `${md5.digest("hex")}-${parts.length}`,
    metadata: { http: found.http_metadata, custom: found.custom_metadata, storageClass: found.storage_class },
    checksums: {},
    blobIds: parts.map(({ id }) => id),
  });
  if (object === undefined) throw new Error("an upload has no condition that could fail");
  return object;
}

/** Ends an upload; its parts become loose. @throws the error noSuchUpload */
export async function abortUpload(
  transaction: Queries,
  bucketId: BucketId,
  upload: UploadName,
): Promise<void> {
  const found = await findUpload(transaction, bucketId, upload, true);
  if (found === undefined) throw storageError("noSuchUpload");
  if (found.state !== "open") return;
  await end(transaction, upload.id, "aborted");
}

/** Its parts are its own no more. */
async function end(transaction: Queries, id: string, state: "completed" | "aborted"): Promise<void> {
  await transaction
    .updateTable("storage_blobs")
    .set({ upload_id: null, part_number: null })
    .where("upload_id", "=", id)
    .execute();
  await transaction.updateTable("storage_uploads").set({ state }).where("id", "=", id).execute();
}

async function findUpload(
  queries: Queries,
  bucketId: BucketId,
  { key, id }: UploadName,
  lock: boolean,
): Promise<UploadRow | undefined> {
  // What is no UUID is no upload either, and PostgreSQL's error about it nobody's business.
  if (!isId(id)) return undefined;
  return queries
    .selectFrom("storage_uploads")
    .selectAll()
    .where("id", "=", id)
    .where("bucket_id", "=", bucketId)
    .where("key", "=", key)
    .$if(lock, (query) => query.forUpdate())
    .executeTakeFirst();
}
