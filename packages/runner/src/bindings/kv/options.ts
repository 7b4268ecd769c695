import { createHash } from "node:crypto";
import { checkKvKey, checkKvMetadata, checkKvPrefix, kvLimits, OpenWorkersError } from "@openworkers/core";

/** The key that a path names. @throws OpenWorkersError INVALID_INPUT, KEY_TOO_LONG */
export function parseKey(pathname: string): Uint8Array {
  let key: string;
  try {
    key = decodeURIComponent(pathname.slice(1));
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "Could not URL-decode key name", { cause });
  }
  return checkKvKey(key);
}

/** Nothing is cached, so every `cacheTtl` that Cloudflare takes is as good as another. @throws OpenWorkersError INVALID_INPUT */
export function checkCacheTtl(cacheTtl: string | null): void {
  if (cacheTtl === null || Number(cacheTtl) >= kvLimits.cacheTtlSeconds) return;
  throw new OpenWorkersError(
    "INVALID_INPUT",
    `Invalid cache_ttl of ${cacheTtl}. Cache TTL must be at least ${kvLimits.cacheTtlSeconds}.`,
  );
}

/** The metadata that a header holds, as JSON text. @throws OpenWorkersError INVALID_INPUT, BODY_TOO_LARGE */
export function parseMetadata(header: string | null): string | undefined {
  // A header is bytes; they come as one character each.
  return header === null ? undefined : checkKvMetadata(Buffer.from(header, "latin1").toString("utf8"));
}

/** JSON text as a header can hold it: in ASCII. */
export function metadataHeader(json: string): string {
  return json.replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export interface ListOptions {
  readonly limit: number;
  readonly prefix: Uint8Array;
  readonly after: Uint8Array | undefined;
}

/** @throws OpenWorkersError INVALID_INPUT, KEY_TOO_LONG */
export function parseListOptions(query: URLSearchParams): ListOptions {
  const given = query.get("key_count_limit") ?? String(kvLimits.listKeys);
  const limit = Number(given);
  if (!/^\d+$/.test(given) || limit < 1) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `Invalid key_count_limit of ${given}. Please specify an integer greater than 0.`,
    );
  }
  if (limit > kvLimits.listKeys) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `Invalid key_count_limit of ${given}. Please specify an integer less than ${kvLimits.listKeys}.`,
    );
  }
  const prefix = checkKvPrefix(query.get("prefix") ?? "");
  const cursor = query.get("cursor") ?? "";
  return { limit, prefix, after: cursor === "" ? undefined : parseCursor(cursor, prefix) };
}

const markBytes = 6;

/** Where a list goes on: after this key, under the same prefix. */
export function cursorAfter(key: Uint8Array, prefix: Uint8Array): string {
  return Buffer.concat([markOf(prefix), key]).toString("base64url");
}

function parseCursor(cursor: string, prefix: Uint8Array): Uint8Array {
  const bytes = Buffer.from(cursor, "base64url");
  const key = bytes.subarray(markBytes);
  const isOurs = bytes.subarray(0, markBytes).equals(markOf(prefix));
  if (!isOurs || key.length === 0 || key.length > kvLimits.keyBytes) {
    throw new OpenWorkersError("INVALID_INPUT", "Invalid cursor: it is none of a list with this prefix.");
  }
  return key;
}

function markOf(prefix: Uint8Array): Buffer {
  return createHash("sha256").update(prefix).digest().subarray(0, markBytes);
}
