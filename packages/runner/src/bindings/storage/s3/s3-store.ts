import {
  type ByteRange,
  CheckedContent,
  type Content,
  checkPartSizes,
  conditionHolds,
  type FoundObject,
  type GetOptions,
  type ListOptions,
  type ObjectList,
  type ObjectMetadata,
  type ObjectStore,
  type PublishedPart,
  type PutOptions,
  parseRangeHeader,
  type RangeRequest,
  resolveRange,
  type StoredObject,
  storageError,
  storageErrorName,
  type UploadName,
} from "@openworkers/core";
import type { S3Client, S3Response } from "./s3-client.ts";
import { hasConditionalWrites } from "./s3-conditional-writes.ts";
import { deleteObjects } from "./s3-delete.ts";
import { errorOf } from "./s3-errors.ts";
import { listObjects } from "./s3-list.ts";
import { etagOf, headersOf, objectOf } from "./s3-metadata.ts";
import { completeUpload, createUpload, listParts } from "./s3-uploads.ts";

/** A bucket on an S3 server: its objects are those whose keys there start with `prefix`. */
export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #prefix: string;

  constructor(client: S3Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const response = await this.#client.ask({ method: "HEAD", key: this.#keyOf(key) });
    if (response.status === 404) return undefined;
    if (response.status >= 300) throw await errorOf(response);
    return objectOf(key, response.headers, sizeOf(response));
  }

  async get(key: string, { range, onlyIf, signal }: GetOptions): Promise<FoundObject | undefined> {
    const wanted = rangeHeader(range);
    const response = await this.#client.ask({
      method: "GET",
      key: this.#keyOf(key),
      ...(wanted === undefined ? {} : { headers: { range: wanted } }),
      signal,
    });
    if (response.status === 416) {
      await response.body.cancel();
      return this.#getNothing(key, { range, onlyIf });
    }
    if (response.status >= 300) {
      const error = await errorOf(response);
      if (storageErrorName(error) === "noSuchKey") return undefined;
      throw error;
    }
    const bytes = contentRange(response);
    const object = objectOf(key, response.headers, bytes.size);
    // The answer to the one request that reads it: no other object can come in between.
    if (!conditionHolds(onlyIf, object)) {
      await response.body.cancel();
      return { object };
    }
    return { object, range: bytes.range, body: response.body };
  }

  /** A range that the object has not: none at all, all of an empty one, or a condition that fails first. */
  async #getNothing(key: string, { range, onlyIf }: GetOptions): Promise<FoundObject | undefined> {
    const object = await this.head(key);
    if (object === undefined) return undefined;
    if (!conditionHolds(onlyIf, object)) return { object };
    const bytes = resolveRange(range, object.size);
    if (bytes.length > 0) throw storageError("invalidRange");
    return { object, range: bytes, body: new Blob([]).stream() };
  }

  async put(key: string, content: Content, options: PutOptions): Promise<StoredObject | undefined> {
    this.#keyOf(key);
    if (options.onlyIf === undefined) return this.#put(key, content, options, {});
    const native = await hasConditionalWrites(this.#client, this.#prefix);
    const write = async () => {
      const current = await this.head(key);
      if (!conditionHolds(options.onlyIf, current)) return undefined;
      if (!native) return this.#put(key, content, options, {});
      // Whoever writes meanwhile makes it fail.
      const unchanged =
        current === undefined ? { "if-none-match": "*" } : { "if-match": `"${current.etag}"` };
      return this.#put(key, content, options, unchanged);
    };
    return native ? write() : this.#client.alone(this.#prefix + key, write);
  }

  async #put(
    key: string,
    content: Content,
    options: PutOptions,
    unchanged: Readonly<Record<string, string>>,
  ): Promise<StoredObject | undefined> {
    const checked = new CheckedContent(content, options.checksums);
    const response = await this.#client.ask({
      method: "PUT",
      key: this.#keyOf(key),
      headers: { ...headersOf(options, options.checksums), ...unchanged },
      body: { chunks: checked.chunks(), size: content.size },
      signal: options.signal,
    });
    if (options.onlyIf !== undefined && [404, 409, 412].includes(response.status)) {
      await response.body.cancel();
      return undefined;
    }
    if (response.status >= 300) throw await errorOf(response);
    await new Response(response.body).arrayBuffer();
    const { checksums, ...stored } = objectOf(key, response.headers, content.size);
    const { http, custom, storageClass } = options;
    return { ...stored, http, custom, storageClass, checksums: { ...checksums, ...checked.digests } };
  }

  async delete(keys: readonly string[]): Promise<void> {
    const named = keys.filter((key) => !hasDots(key)).map((key) => this.#keyOf(key));
    await deleteObjects(this.#client, named);
  }

  list(options: ListOptions): Promise<ObjectList> {
    return listObjects(this.#client, this.#prefix, options, (key) => this.head(key));
  }

  createUpload(key: string, metadata: ObjectMetadata): Promise<string> {
    return createUpload(this.#client, this.#keyOf(key), headersOf(metadata));
  }

  async uploadPart(
    upload: UploadName,
    partNumber: number,
    content: Content,
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): Promise<string> {
    const checked = new CheckedContent(content, {});
    const headers = await this.#client.tell({
      method: "PUT",
      key: this.#keyOf(upload.key),
      query: { partNumber: `${partNumber}`, uploadId: uploadId(upload) },
      body: { chunks: checked.chunks(), size: content.size },
      signal,
    });
    return etagOf(headers.get("etag"));
  }

  async completeUpload(upload: UploadName, parts: readonly PublishedPart[]): Promise<StoredObject> {
    const name = { key: this.#keyOf(upload.key), id: uploadId(upload) };
    const sorted = parts.toSorted((one, other) => one.part - other.part);
    const there = await listParts(this.#client, name);
    const sizes = sorted.map(({ part, etag }, index) => {
      const found = there.get(part);
      if (found === undefined || found.etag !== etag || sorted[index - 1]?.part === part) {
        throw storageError("invalidPart");
      }
      return found.size;
    });
    if (sorted.length === 0) throw storageError("invalidPart");
    checkPartSizes(sizes);
    await completeUpload(this.#client, name, sorted);
    const object = await this.head(upload.key);
    // Deleted in this very moment: there is nothing to tell of it.
    if (object === undefined) throw storageError("noSuchKey");
    return object;
  }

  async abortUpload(upload: UploadName): Promise<void> {
    const key = this.#keyOf(upload.key);
    try {
      const query = { uploadId: uploadId(upload) };
      await this.#client.tell({ method: "DELETE", key, query });
    } catch (thrown) {
      // S3 forgets an upload that is over; Swift calls that a missing key.
      if (!["noSuchUpload", "noSuchKey"].includes(storageErrorName(thrown) ?? "")) throw thrown;
    }
  }

  /** @throws the error invalidObjectName */
  #keyOf(key: string): string {
    if (hasDots(key)) throw storageError("invalidObjectName");
    return this.#prefix + key;
  }
}

/** URLs are normalised by whoever touches them: a segment of dots could lead out of the bucket's prefix. */
function hasDots(key: string): boolean {
  return /(^|[/\\])\.{1,2}($|[/\\])/.test(key);
}

function uploadId({ id }: UploadName): string {
  if (!/^[\x21-\x7e]{1,1024}$/.test(id)) throw storageError("noSuchUpload");
  return id;
}

function rangeHeader(range: RangeRequest | undefined): string | undefined {
  if (range === undefined) return undefined;
  if ("header" in range) {
    const parsed = parseRangeHeader(range.header);
    return parsed === undefined ? undefined : `bytes=${parsed.first}-${parsed.last}`;
  }
  if ("suffix" in range) {
    if (range.suffix <= 0) throw storageError("invalidRange");
    return `bytes=-${range.suffix}`;
  }
  const { offset = 0, length } = range;
  if (length !== undefined && length <= 0) throw storageError("invalidRange");
  return `bytes=${offset}-${length === undefined ? "" : offset + length - 1}`;
}

function sizeOf({ headers }: S3Response): number {
  const size = Number(headers.get("content-length") ?? "0");
  if (!Number.isSafeInteger(size)) throw storageError("unavailable", "The S3 server's answer has no length.");
  return size;
}

function contentRange(response: S3Response): { readonly range: ByteRange; readonly size: number } {
  const length = sizeOf(response);
  if (response.status !== 206) return { range: { offset: 0, length }, size: length };
  const found = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (found === null)
    throw storageError("unavailable", "The S3 server's answer does not say which range it is.");
  return { range: { offset: Number(found[1]), length }, size: Number(found[3]) };
}
