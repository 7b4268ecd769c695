import {
  type ByteRange,
  isOpenWorkersError,
  type StoredObject,
  storageErrorName,
  storageErrors,
} from "@openworkers/core";
import { wholeResponse } from "../whole-response.ts";

const metadataSizeHeader = "cf-r2-metadata-size";
const errorHeader = "cf-r2-error";

export interface ObjectFields {
  readonly http: boolean;
  readonly custom: boolean;
}

const allFields: ObjectFields = { http: true, custom: true };

/** An object as workerd's R2 client reads it: R2HeadResponse of src/workerd/api/r2-api.capnp. */
export function encodeObject(
  object: StoredObject,
  { fields = allFields, range }: { readonly fields?: ObjectFields; readonly range?: ByteRange } = {},
): Record<string, unknown> {
  const { cacheExpiryMs, ...http } = object.http;
  const { md5, sha1, sha256, sha384, sha512 } = object.checksums;
  return {
    name: object.key,
    version: object.version,
    size: object.size,
    etag: object.etag,
    uploaded: object.uploadedAt.getTime(),
    ...(fields.http ? { httpFields: { ...http, cacheExpiry: cacheExpiryMs } } : {}),
    ...(fields.custom ? { customFields: Object.entries(object.custom).map(([k, v]) => ({ k, v })) } : {}),
    ...(range === undefined ? {} : { range: { offset: range.offset, length: range.length } }),
    checksums: { 0: md5, 1: sha1, 2: sha256, 3: sha384, 4: sha512 },
    storageClass: object.storageClass,
  };
}

/** A response of metadata alone. */
export function metadataResponse(metadata: Record<string, unknown>): Response {
  const encoded = Buffer.from(JSON.stringify(metadata));
  return wholeResponse(encoded, { [metadataSizeHeader]: `${encoded.byteLength}` });
}

/** A response of metadata and, after it, an object's bytes. */
export function objectResponse(
  metadata: Record<string, unknown>,
  body: ReadableStream<Uint8Array>,
  length: number,
): Response {
  const head = Buffer.from(JSON.stringify(metadata));
  return new Response(prepend(head, body), {
    headers: {
      [metadataSizeHeader]: `${head.byteLength}`,
      // What makes the stream's length known to the worker, which may put it into another bucket.
      "content-length": `${head.byteLength + length}`,
    },
  });
}

/** What an error of `storageError` is on the wire; undefined for anything else. */
export function errorResponse(thrown: unknown, object?: StoredObject): Response | undefined {
  const name = storageErrorName(thrown);
  if (name === undefined || !isOpenWorkersError(thrown)) return undefined;
  const { status, v4code } = storageErrors[name];
  const error = asciiJson({ version: 1, v4code, message: thrown.message });
  if (object === undefined) return new Response(null, { status, headers: { [errorHeader]: error } });
  const metadata = Buffer.from(JSON.stringify(encodeObject(object)));
  const headers = { [errorHeader]: error, [metadataSizeHeader]: `${metadata.byteLength}` };
  return wholeResponse(metadata, headers, status);
}

/** A header's value may hold no other characters. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function prepend(head: Uint8Array, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let sent = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!sent) {
          sent = true;
          return controller.enqueue(head);
        }
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
