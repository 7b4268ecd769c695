import {
  type BucketId,
  CheckedContent,
  type Content,
  conditionHolds,
  type FoundObject,
  type GetOptions,
  type ListOptions,
  newId,
  type ObjectList,
  type ObjectMetadata,
  type ObjectStore,
  type PublishedPart,
  type PutOptions,
  resolveRange,
  type StoredObject,
  type UploadName,
} from "@openworkers/core";
import type { DatabaseAccess } from "../database.ts";
import { readBlobs, writeBlob } from "./blobs.ts";
import { listObjects } from "./list.ts";
import { mustHaveBucket, objectOf, replaceObject, selectObject, selectWithBlobs } from "./objects.ts";
import { abortUpload, attachPart, completeUpload, createUpload, mustBeOpen } from "./uploads.ts";

export interface PostgresStoreOptions {
  /** Bytes of a chunk of what is written from now on. */
  readonly chunkBytes?: number;
}

/** A bucket in the platform's own database. */
export class PostgresStore implements ObjectStore {
  readonly #database: DatabaseAccess;
  readonly #bucketId: BucketId;
  readonly #options: PostgresStoreOptions;

  constructor(database: DatabaseAccess, bucketId: BucketId, options: PostgresStoreOptions = {}) {
    this.#database = database;
    this.#bucketId = bucketId;
    this.#options = options;
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const row = await this.#database.read((queries) => selectObject(queries, this.#bucketId, key));
    return row === undefined ? undefined : objectOf(row);
  }

  async get(key: string, { range, onlyIf }: GetOptions): Promise<FoundObject | undefined> {
    const found = await this.#database.read((queries) => selectWithBlobs(queries, this.#bucketId, key));
    if (found === undefined) return undefined;
    const { object, blobs, content } = found;
    if (!conditionHolds(onlyIf, object)) return { object };
    const bytes = resolveRange(range, object.size);
    const body =
      content === undefined
        ? readBlobs(this.#database, blobs, bytes)
        : streamOf(content.subarray(bytes.offset, bytes.offset + bytes.length));
    return { object, range: bytes, body };
  }

  async put(key: string, content: Content, options: PutOptions): Promise<StoredObject | undefined> {
    const checked = new CheckedContent(content, options.checksums);
    const blobId = await this.#write(checked);
    return this.#database.write((transaction) =>
      replaceObject(transaction, this.#bucketId, key, options.onlyIf, {
        version: newId(),
        size: content.size,
        etag: checked.md5,
        metadata: options,
        checksums: checked.digests,
        blobIds: [blobId],
      }),
    );
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#database.write((transaction) =>
      transaction
        .deleteFrom("storage_objects")
        .where("bucket_id", "=", this.#bucketId)
        .where("key", "in", keys)
        .execute(),
    );
  }

  async list(options: ListOptions): Promise<ObjectList> {
    return this.#database.read((queries) => listObjects(queries, this.#bucketId, options));
  }

  async createUpload(key: string, metadata: ObjectMetadata): Promise<string> {
    return this.#database.write((transaction) => createUpload(transaction, this.#bucketId, key, metadata));
  }

  async uploadPart(upload: UploadName, partNumber: number, content: Content): Promise<string> {
    await this.#database.read((queries) => mustBeOpen(queries, this.#bucketId, upload));
    const checked = new CheckedContent(content, {});
    const blobId = await this.#write(checked);
    const etag = checked.md5;
    await this.#database.write((transaction) =>
      attachPart(transaction, this.#bucketId, upload, { partNumber, blobId, etag }),
    );
    return etag;
  }

  async completeUpload(upload: UploadName, parts: readonly PublishedPart[]): Promise<StoredObject> {
    return this.#database.write((transaction) => completeUpload(transaction, this.#bucketId, upload, parts));
  }

  async abortUpload(upload: UploadName): Promise<void> {
    await this.#database.write((transaction) => abortUpload(transaction, this.#bucketId, upload));
  }

  async #write(content: CheckedContent): Promise<string> {
    await this.#database.read((queries) => mustHaveBucket(queries, this.#bucketId));
    return writeBlob(this.#database, this.#bucketId, content.chunks(), this.#options);
  }
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
