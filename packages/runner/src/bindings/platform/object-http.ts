import {
  type Condition,
  type HttpMetadata,
  OpenWorkersError,
  type StoredObject,
  storageError,
} from "@openworkers/core";

/** Header with an object's own metadata: a JSON object of texts, escaped to ASCII. */
export const customMetadataHeader = "ow-custom-metadata";

const httpFields = [
  ["content-type", "contentType"],
  ["content-language", "contentLanguage"],
  ["content-disposition", "contentDisposition"],
  ["content-encoding", "contentEncoding"],
  ["cache-control", "cacheControl"],
] as const satisfies readonly (readonly [string, keyof HttpMetadata])[];

/** The headers that an object is served with. */
export function objectHeaders(object: StoredObject): Headers {
  const headers = new Headers({
    etag: `"${object.etag}"`,
    "last-modified": object.uploadedAt.toUTCString(),
    "accept-ranges": "bytes",
    // Somebody's page must never run as one of the API's own, whose cookies are sign-ins.
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "content-disposition": "attachment",
    [customMetadataHeader]: asciiJson(object.custom),
  });
  for (const [header, field] of httpFields) {
    const value = object.http[field];
    // What a worker stored may be no header's value.
    if (value !== undefined && /^[\x20-\x7e]*$/.test(value)) headers.set(header, value);
  }
  // Whatever it says of itself: it is saved, not shown.
  const disposition = headers.get("content-disposition") ?? "";
  if (!/^attachment\b/i.test(disposition)) headers.set("content-disposition", "attachment");
  return headers;
}

/** What is told of an object in lists, and after it was written. */
export function describeObject({ key, size, etag, uploadedAt, http, custom }: StoredObject) {
  return {
    key,
    size,
    etag,
    uploadedAt: uploadedAt.toISOString(),
    httpMetadata: http,
    customMetadata: custom,
  };
}

/** @throws the error invalidArgument */
export function metadataOf(headers: Headers): { http: HttpMetadata; custom: Record<string, string> } {
  const http = Object.fromEntries(
    httpFields.flatMap(([header, field]) => {
      const value = headers.get(header);
      return value === null ? [] : [[field, value]];
    }),
  );
  const text = headers.get(customMetadataHeader);
  if (text === null) return { http, custom: {} };
  const custom = parseJson(text);
  if (typeof custom !== "object" || custom === null || Array.isArray(custom)) throw badMetadata();
  const entries = Object.entries(custom);
  if (entries.some(([, value]) => typeof value !== "string")) throw badMetadata();
  return { http, custom: Object.fromEntries(entries) };
}

/** RFC 9110 section 13, as far as entity tags go. */
export function conditionOf(headers: Headers): Condition | undefined {
  const [matches, doesNotMatch] = [headers.get("if-match"), headers.get("if-none-match")];
  if (matches === null && doesNotMatch === null) return undefined;
  return {
    ...(matches === null ? {} : { etagMatches: tagsOf(matches) }),
    ...(doesNotMatch === null ? {} : { etagDoesNotMatch: tagsOf(doesNotMatch) }),
  };
}

function tagsOf(field: string): NonNullable<Condition["etagMatches"]> {
  if (field.trim() === "*") return [{ type: "wildcard" }];
  return [...field.matchAll(/(W\/)?"([^"]*)"/g)].map(([, weak, value = ""]) => ({
    type: weak === undefined ? "strong" : "weak",
    value,
  }));
}

/** @throws OpenWorkersError INVALID_INPUT */
export function lengthOf(headers: Headers): number {
  const text = headers.get("content-length");
  if (text !== null && /^\d{1,15}$/.test(text)) return Number(text);
  throw new OpenWorkersError("INVALID_INPUT", "An object is sent with its Content-Length.", {
    field: "content-length",
  });
}

function badMetadata(): OpenWorkersError {
  return storageError("invalidArgument", `${customMetadataHeader} is no JSON object of texts.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badMetadata();
  }
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
