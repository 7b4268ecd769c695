import { checkKey, checkMetadata, storageError, storageLimits } from "@openworkers/core";
import { z } from "zod";

// What workerd's R2 client sends: src/workerd/api/r2-api.capnp, as Cap'n Proto's JSON codec writes it. 64-bit
// numbers come as strings there.
const uint64 = z.coerce.number().int().nonnegative();
const key = z.string();
const hex = (bytes: number) =>
  z
    .hex()
    .length(bytes * 2)
    .toLowerCase();

const record = z
  .array(z.object({ k: z.string(), v: z.string() }))
  .default([])
  .transform((entries) => Object.fromEntries(entries.map(({ k, v }) => [k, v])));

const http = z
  .object({
    contentType: z.string().optional(),
    contentLanguage: z.string().optional(),
    contentDisposition: z.string().optional(),
    contentEncoding: z.string().optional(),
    cacheControl: z.string().optional(),
    cacheExpiry: uint64.optional(),
  })
  .default({})
  .transform(({ cacheExpiry, ...fields }) => ({ ...fields, cacheExpiryMs: cacheExpiry }));

const etag = z.discriminatedUnion("type", [
  z.object({ type: z.literal("strong"), value: z.string() }),
  z.object({ type: z.literal("weak"), value: z.string() }),
  z.object({ type: z.literal("wildcard") }).transform(({ type }) => ({ type })),
]);

const condition = z
  .object({
    etagMatches: z.array(etag).min(1).optional(),
    etagDoesNotMatch: z.array(etag).min(1).optional(),
    uploadedBefore: uint64.optional(),
    uploadedAfter: uint64.optional(),
    secondsGranularity: z.boolean().optional(),
  })
  .transform(({ uploadedBefore, uploadedAfter, ...rest }) => ({
    ...rest,
    uploadedBeforeMs: uploadedBefore,
    uploadedAfterMs: uploadedAfter,
  }));

const storageClass = z.enum(["Standard", "InfrequentAccess"]).default("Standard");
// Customer-provided keys: refused rather than ignored, for nothing would be encrypted with them.
const ssec = z.never().optional();

const range = z
  .object({ offset: uint64.optional(), length: uint64.optional(), suffix: uint64.optional() })
  .transform(({ suffix, ...rest }) => (suffix === undefined ? rest : { suffix }));

const request = z.discriminatedUnion("method", [
  z.object({ method: z.literal("head"), object: key }),
  z.object({
    method: z.literal("get"),
    object: key,
    range: range.optional(),
    rangeHeader: z.string().optional(),
    onlyIf: condition.optional(),
    ssec,
  }),
  z.object({
    method: z.literal("put"),
    object: key,
    customFields: record,
    httpFields: http,
    onlyIf: condition.optional(),
    md5: z
      .base64()
      .transform((text) => Buffer.from(text, "base64").toString("hex"))
      .optional(),
    sha1: hex(20).optional(),
    sha256: hex(32).optional(),
    sha384: hex(48).optional(),
    sha512: hex(64).optional(),
    storageClass,
    ssec,
  }),
  z.object({
    method: z.literal("list"),
    limit: z.number().int().optional(),
    prefix: z.string().default(""),
    cursor: z.string().optional(),
    delimiter: z.string().optional(),
    startAfter: z.string().optional(),
    include: z.array(z.number()).default([]),
  }),
  z.object({
    method: z.literal("delete"),
    object: key.optional(),
    objects: z.array(key).optional(),
  }),
  z.object({
    method: z.literal("createMultipartUpload"),
    object: key,
    customFields: record,
    httpFields: http,
    storageClass,
    ssec,
  }),
  z.object({
    method: z.literal("uploadPart"),
    object: key,
    uploadId: z.string(),
    partNumber: z.number().int(),
    ssec,
  }),
  z.object({
    method: z.literal("completeMultipartUpload"),
    object: key,
    uploadId: z.string(),
    parts: z.array(z.object({ etag: z.string(), part: z.number().int() })).default([]),
  }),
  z.object({ method: z.literal("abortMultipartUpload"), object: key, uploadId: z.string() }),
]);

/** What a worker asks of a bucket. */
export type StorageRequest = z.output<typeof request>;
export type StorageRequestOf<Method extends StorageRequest["method"]> = Extract<
  StorageRequest,
  { method: Method }
>;

/**
 * Reads a request of workerd's R2 client.
 *
 * @throws the errors invalidArgument, invalidObjectName, metadataTooLarge, invalidMaxKeys
 */
export function parseStorageRequest(json: string): StorageRequest {
  const parsed = request.safeParse(parseJson(json));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = String(issue?.path[0] ?? "the request");
    throw storageError(
      "invalidArgument",
      field === "ssec"
        ? "Encryption with a key of your own (ssecKey) is not available here."
        : `The value of ${field} is not valid.`,
    );
  }
  const { data } = parsed;
  check(data);
  return data;
}

function check(data: StorageRequest): void {
  if (data.method === "delete") {
    if ((data.objects?.length ?? 0) > storageLimits.deleteKeys) {
      throw storageError("invalidArgument", `delete() takes at most ${storageLimits.deleteKeys} keys.`);
    }
    return;
  }
  if (data.method === "list") {
    const { limit } = data;
    if (limit !== undefined && (limit < 1 || limit > storageLimits.listKeys))
      throw storageError("invalidMaxKeys");
    if (`${data.prefix}${data.delimiter}${data.startAfter}`.includes("\0"))
      throw storageError("invalidArgument");
    return;
  }
  checkKey(data.object);
  if ("customFields" in data) checkMetadata(data.customFields);
  if (data.method === "uploadPart" && (data.partNumber < 1 || data.partNumber > storageLimits.parts)) {
    throw storageError("invalidArgument", `Part number must be between 1 and ${storageLimits.parts}.`);
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw storageError("invalidArgument", undefined, { cause });
  }
}
