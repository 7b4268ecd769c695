import type { Checksums, HttpMetadata, ObjectMetadata, StoredObject } from "@openworkers/core";
import { z } from "zod";

/** Of what headers cannot say: names in upper case, other characters than ASCII, checksums. */
const ownHeader = "x-amz-meta-openworkers";
const metaPrefix = "x-amz-meta-";

const httpHeaders = [
  ["contentType", "content-type"],
  ["contentLanguage", "content-language"],
  ["contentDisposition", "content-disposition"],
  ["contentEncoding", "content-encoding"],
  ["cacheControl", "cache-control"],
] as const;

const text = z.string();
const own = z
  .object({
    /** All of them, when headers cannot say some. */
    http: z
      .object({
        contentType: text.optional(),
        contentLanguage: text.optional(),
        contentDisposition: text.optional(),
        contentEncoding: text.optional(),
        cacheControl: text.optional(),
        cacheExpiryMs: z.number().optional(),
      })
      .optional(),
    custom: z.record(text, text).optional(),
    storageClass: text.optional(),
    checksums: z.record(z.enum(["md5", "sha1", "sha256", "sha384", "sha512"]), text.optional()).optional(),
  })
  .partial();

/** The headers that a put or an upload begins with. */
export function headersOf(metadata: ObjectMetadata, checksums: Checksums = {}): Record<string, string> {
  const headers: Record<string, string> = {};
  const { http, custom, storageClass } = metadata;
  for (const [field, header] of httpHeaders) {
    const value = http[field];
    if (value !== undefined && isPlain(value)) headers[header] = value;
  }
  if (http.cacheExpiryMs !== undefined) headers.expires = new Date(http.cacheExpiryMs).toUTCString();
  // A server makes up a type where there is none.
  const plainHttp =
    http.contentType !== undefined &&
    Object.values(http).every((value) => typeof value !== "string" || isPlain(value)) &&
    (http.cacheExpiryMs ?? 0) % 1_000 === 0;
  const plainCustom = Object.entries(custom).every(
    ([name, value]) => /^[a-z0-9-]{1,100}$/.test(name) && isPlain(value) && metaPrefix + name !== ownHeader,
  );
  if (plainCustom) for (const [name, value] of Object.entries(custom)) headers[metaPrefix + name] = value;
  const given = Object.values(checksums).some((digest) => digest !== undefined);
  const rest: z.input<typeof own> = {
    ...(plainHttp ? {} : { http }),
    ...(plainCustom ? {} : { custom }),
    ...(storageClass === "Standard" ? {} : { storageClass }),
    ...(given ? { checksums } : {}),
  };
  if (Object.keys(rest).length > 0)
    headers[ownHeader] = Buffer.from(JSON.stringify(rest)).toString("base64url");
  return headers;
}

/** What an object's headers say. `size` is of the whole object. */
export function objectOf(key: string, headers: Headers, size: number): StoredObject {
  const rest = ownOf(headers.get(ownHeader));
  const etag = etagOf(headers.get("etag"));
  const expires = headers.get("expires");
  const named: Record<string, string> = {};
  for (const [field, header] of httpHeaders) {
    const value = headers.get(header);
    if (value !== null) named[field] = value;
  }
  const expiry = expires === null ? Number.NaN : Date.parse(expires);
  const fromHeaders: HttpMetadata = { ...named, ...(Number.isNaN(expiry) ? {} : { cacheExpiryMs: expiry }) };
  const custom: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.startsWith(metaPrefix) && name !== ownHeader) custom[name.slice(metaPrefix.length)] = value;
  }
  const modified = Date.parse(headers.get("last-modified") ?? headers.get("date") ?? "");
  return {
    key,
    version: etag,
    size,
    etag,
    uploadedAt: new Date(Number.isNaN(modified) ? 0 : modified),
    http: rest.http ?? fromHeaders,
    custom: rest.custom ?? custom,
    checksums: { ...rest.checksums, ...md5Of(etag) },
    storageClass: rest.storageClass ?? "Standard",
  };
}

export function etagOf(header: string | null | undefined): string {
  return (header ?? "").replace(/^W\//, "").replace(/^"|"$/g, "");
}

/** An entity tag of one part is the content's MD5, as every server has it that does not encrypt with keys of its own. */
export function md5Of(etag: string): Checksums {
  return /^[0-9a-f]{32}$/.test(etag) ? { md5: etag } : {};
}

/** The type that an object has none of is the server's; everything else of ours was written by us, or is not. */
function ownOf(header: string | null): z.output<typeof own> {
  if (header === null) return {};
  try {
    return own.parse(JSON.parse(Buffer.from(header, "base64url").toString("utf8")));
  } catch {
    // Somebody else's header of the same name.
    return {};
  }
}

/** What comes back from a server as it was sent: printable ASCII without spaces that anybody may collapse. */
function isPlain(value: string): boolean {
  return /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(value);
}
