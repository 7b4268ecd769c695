import {
  type BucketId,
  checkSize,
  isOpenWorkersError,
  type ListEntryName,
  type ObjectStore,
  OpenWorkersError,
  type RangeRequest,
  type StoredObject,
  storageError,
  storageErrorName,
  storageLimits,
} from "@openworkers/core";
import { sweepStorage } from "@openworkers/db";
import type { Caller } from "../caller.ts";
import type { BindingHandler, BindingServices } from "../plugin.ts";
import { Sweeper } from "../sweeper.ts";
import { type SplitBody, splitBody } from "./body.ts";
import type { BucketStores } from "./bucket-stores.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { parseStorageRequest, type StorageRequest, type StorageRequestOf } from "./request.ts";
import { encodeObject, errorResponse, metadataResponse, objectResponse } from "./response.ts";

/** Bytes of JSON that a list takes at most; workerd refuses more than 1 MiB (src/workerd/api/r2-rpc.c++). */
const maxListBytes = 900_000;

/** Answers workerd's R2 client: https://developers.cloudflare.com/r2/api/workers/workers-api-reference. */
export class StorageHandler implements BindingHandler<"storage"> {
  readonly #stores: BucketStores;
  readonly #shares: BindingServices["shares"];
  readonly #sweeper: Sweeper;
  readonly #report: BindingServices["report"];

  constructor(
    options: Pick<BindingServices, "database" | "shares" | "report"> & { readonly stores: BucketStores },
  ) {
    this.#stores = options.stores;
    this.#shares = options.shares;
    this.#report = options.report;
    this.#sweeper = new Sweeper({
      sweep: (signal) => sweepStorage(options.database, { stopped: () => signal.aborted }),
      failure: "Old contents of buckets could not be removed",
      report: options.report,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#sweeper[Symbol.asyncDispose]();
  }

  async serve(
    request: Request,
    { bucketId }: { readonly bucketId: BucketId },
    { target }: Pick<Caller, "target">,
  ): Promise<Response> {
    const { worker } = target;
    const database = this.#shares.of(target.workerId, request.signal);
    let body: SplitBody | undefined;
    try {
      if (request.method === "PUT") {
        body = await splitBody(request);
        const asked = parseStorageRequest(body.head);
        return await this.#change(await this.#stores.of(bucketId, database), asked, body, request.signal);
      }
      const header = request.headers.get("cf-r2-request");
      if (request.method !== "GET" || header === null) throw storageError("invalidArgument");
      // A header's bytes are UTF-8 here, and Latin-1 to Headers.
      const asked = parseStorageRequest(Buffer.from(header, "latin1").toString("utf8"));
      return await this.#read(await this.#stores.of(bucketId, database), asked, request.signal);
    } catch (thrown) {
      // The worker is told of an S3 server's trouble, and its operator what is behind it.
      if (storageErrorName(thrown) === "unavailable")
        this.#report("Storage is not available.", { error: thrown, worker });
      const response = errorResponse(thrown) ?? tooMany(thrown) ?? this.#unexpected(thrown, worker);
      await body?.drain();
      return response;
    }
  }

  /** What is no error of storage's own is for the operator to read; the worker learns that it may try again. */
  #unexpected(thrown: unknown, worker: string): Response {
    this.#report("Storage failed.", { error: thrown, worker });
    const unavailable = thrown instanceof OpenWorkersError && thrown.fault === "operator";
    return answerOf(storageError(unavailable ? "unavailable" : "internal"));
  }

  async #read(store: ObjectStore, asked: StorageRequest, signal: AbortSignal): Promise<Response> {
    switch (asked.method) {
      case "head":
        return metadataResponse(encodeObject(there(await store.head(asked.object))));
      case "get":
        return get(store, asked, signal);
      case "list":
        return list(store, asked);
      default:
        throw storageError("invalidArgument");
    }
  }

  async #change(
    store: ObjectStore,
    asked: StorageRequest,
    body: SplitBody,
    signal: AbortSignal,
  ): Promise<Response> {
    const content = { body: body.rest, size: body.restBytes };
    switch (asked.method) {
      case "put": {
        checkSize(content.size);
        const { object, httpFields, customFields, storageClass, onlyIf, ...checksums } = asked;
        const { md5, sha1, sha256, sha384, sha512 } = checksums;
        const stored = await store.put(object, content, {
          http: httpFields,
          custom: customFields,
          storageClass,
          onlyIf,
          checksums: { md5, sha1, sha256, sha384, sha512 },
          signal,
        });
        if (stored === undefined) throw storageError("preconditionFailed");
        return metadataResponse(encodeObject(stored));
      }
      case "delete":
        await store.delete([...(asked.object === undefined ? [] : [asked.object]), ...(asked.objects ?? [])]);
        return metadataResponse({});
      case "createMultipartUpload": {
        const { object, httpFields, customFields, storageClass } = asked;
        const metadata = { http: httpFields, custom: customFields, storageClass };
        return metadataResponse({ uploadId: await store.createUpload(object, metadata) });
      }
      case "uploadPart": {
        checkSize(content.size);
        const upload = { key: asked.object, id: asked.uploadId };
        return metadataResponse({
          etag: await store.uploadPart(upload, asked.partNumber, content, { signal }),
        });
      }
      case "completeMultipartUpload": {
        const upload = { key: asked.object, id: asked.uploadId };
        return metadataResponse(encodeObject(await store.completeUpload(upload, asked.parts)));
      }
      case "abortMultipartUpload":
        await store.abortUpload({ key: asked.object, id: asked.uploadId });
        return metadataResponse({});
      default:
        throw storageError("invalidArgument");
    }
  }
}

/** What a worker is told that asks for more at a time than its share. */
function tooMany(thrown: unknown): Response | undefined {
  if (!isOpenWorkersError(thrown, "SUBREQUEST_LIMIT")) return undefined;
  return answerOf(storageError("tooManyRequests", thrown.message));
}

function answerOf(error: OpenWorkersError): Response {
  const answer = errorResponse(error);
  if (answer === undefined) throw error;
  return answer;
}

function there(object: StoredObject | undefined): StoredObject {
  if (object === undefined) throw storageError("noSuchKey");
  return object;
}

async function get(
  store: ObjectStore,
  { object: key, range, rangeHeader, onlyIf }: StorageRequestOf<"get">,
  signal: AbortSignal,
): Promise<Response> {
  const asked: RangeRequest | undefined = rangeHeader === undefined ? range : { header: rangeHeader };
  const found = await store.get(key, { range: asked, onlyIf, signal });
  if (found === undefined) throw storageError("noSuchKey");
  if (found.body === undefined) {
    const failed = errorResponse(storageError("preconditionFailed"), found.object);
    if (failed !== undefined) return failed;
    throw storageError("preconditionFailed");
  }
  return objectResponse(encodeObject(found.object, { range: found.range }), found.body, found.range.length);
}

async function list(store: ObjectStore, asked: StorageRequestOf<"list">): Promise<Response> {
  const fields = { http: asked.include.includes(0), custom: asked.include.includes(1) };
  const { entries, more } = await store.list({
    prefix: asked.prefix,
    delimiter: asked.delimiter,
    after: startOf(asked),
    limit: asked.limit ?? storageLimits.listKeys,
    metadata: fields.http || fields.custom,
  });
  const objects: Record<string, unknown>[] = [];
  const delimitedPrefixes: string[] = [];
  let bytes = 0;
  let last: ListEntryName | undefined;
  for (const entry of entries) {
    const encoded = "prefix" in entry ? entry.prefix : encodeObject(entry.object, { fields });
    bytes += Buffer.byteLength(JSON.stringify(encoded)) + 1;
    // As R2 does: a page may be shorter than its limit.
    if (bytes > maxListBytes && last !== undefined) return page(last);
    if (typeof encoded === "string") delimitedPrefixes.push(encoded);
    else objects.push(encoded);
    last = "prefix" in entry ? { prefix: entry.prefix } : { key: entry.object.key };
  }
  return page(more ? last : undefined);

  function page(next: ListEntryName | undefined): Response {
    return metadataResponse({
      objects,
      delimitedPrefixes,
      truncated: next !== undefined,
      ...(next === undefined ? {} : { cursor: encodeCursor(next) }),
    });
  }
}

/** A cursor goes before `startAfter`, which came before it. */
function startOf({ cursor, startAfter }: StorageRequestOf<"list">): ListEntryName | undefined {
  if (cursor !== undefined && cursor !== "") return decodeCursor(cursor);
  return startAfter === undefined || startAfter === "" ? undefined : { key: startAfter };
}
