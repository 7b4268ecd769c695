import { createHash } from "node:crypto";
import { maxKeyBytes, maxMetadataBytes } from "@openworkers/db";
import { KvRefusal } from "./refusal.ts";

/** Limits of Cloudflare's KV; their messages too. */
const minTtlSeconds = 60;
const minCacheTtlSeconds = 30;
export const maxListKeys = 1_000;
/** The largest time of JavaScript, in seconds (ECMA-262, 21.4.1.1): some 270,000 years from now. */
const maxSeconds = 8.64e12;

const encoder = new TextEncoder();

/** The key that a path names. @throws KvRefusal */
export function parseKey(pathname: string): Uint8Array {
  let key: string;
  try {
    key = decodeURIComponent(pathname.slice(1));
  } catch {
    throw new KvRefusal(400, "Could not URL-decode key name");
  }
  return checkKey(key);
}

/** @returns the key in UTF-8. @throws KvRefusal */
export function checkKey(key: string): Uint8Array {
  if (key === "") throw new KvRefusal(400, "Key names must not be empty");
  if (key === "." || key === "..") {
    throw new KvRefusal(400, `Illegal key name "${key}". Please use a different name.`);
  }
  return checkKeyLength(key);
}

function checkKeyLength(key: string): Uint8Array {
  const bytes = encoder.encode(key);
  if (bytes.byteLength > maxKeyBytes) {
    throw new KvRefusal(
      414,
      `UTF-8 encoded length of ${bytes.byteLength} exceeds key length limit of ${maxKeyBytes}.`,
    );
  }
  return bytes;
}

/** Nothing is cached, so every `cacheTtl` that Cloudflare takes is as good as another. @throws KvRefusal */
export function checkCacheTtl(cacheTtl: string | null): void {
  if (cacheTtl === null || Number(cacheTtl) >= minCacheTtlSeconds) return;
  throw new KvRefusal(
    400,
    `Invalid cache_ttl of ${cacheTtl}. Cache TTL must be at least ${minCacheTtlSeconds}.`,
  );
}

/** When an entry expires; undefined for never. A TTL goes before a time. @throws KvRefusal */
export function parseExpiry(query: URLSearchParams, now: number = Date.now()): Date | undefined {
  const seconds = Math.floor(now / 1_000);
  const ttl = query.get("expiration_ttl");
  if (ttl !== null) {
    const value = wholeNumber(ttl);
    if (value === undefined || value <= 0) {
      throw new KvRefusal(400, `Invalid expiration_ttl of ${ttl}. Please specify integer greater than 0.`);
    }
    if (value < minTtlSeconds) {
      throw new KvRefusal(
        400,
        `Invalid expiration_ttl of ${ttl}. Expiration TTL must be at least ${minTtlSeconds}.`,
      );
    }
    return new Date((seconds + value) * 1_000);
  }
  const time = query.get("expiration");
  if (time === null) return undefined;
  const value = wholeNumber(time);
  if (value === undefined || value <= seconds) {
    throw new KvRefusal(
      400,
      `Invalid expiration of ${time}. Please specify integer greater than the current number of seconds since the UNIX epoch.`,
    );
  }
  if (value < seconds + minTtlSeconds) {
    throw new KvRefusal(
      400,
      `Invalid expiration of ${time}. Expiration times must be at least ${minTtlSeconds} seconds in the future.`,
    );
  }
  return new Date(value * 1_000);
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return /^-?\d+$/.test(text) && value <= maxSeconds ? value : undefined;
}

/** The metadata that a header holds, as JSON text. @throws KvRefusal */
export function parseMetadata(header: string | null): string | undefined {
  if (header === null) return undefined;
  // A header is bytes; ours come as one character each.
  const bytes = Buffer.from(header, "latin1");
  if (bytes.byteLength > maxMetadataBytes) {
    throw new KvRefusal(413, `Metadata length of ${bytes.byteLength} exceeds limit of ${maxMetadataBytes}.`);
  }
  const text = bytes.toString("utf8");
  try {
    JSON.parse(text);
  } catch {
    throw new KvRefusal(400, "Metadata must be valid JSON.");
  }
  return text;
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

/** @throws KvRefusal */
export function parseListOptions(query: URLSearchParams): ListOptions {
  const given = query.get("key_count_limit");
  const limit = given === null ? maxListKeys : wholeNumber(given);
  if (limit === undefined || limit < 1) {
    throw new KvRefusal(
      400,
      `Invalid key_count_limit of ${given}. Please specify an integer greater than 0.`,
    );
  }
  if (limit > maxListKeys) {
    throw new KvRefusal(
      400,
      `Invalid key_count_limit of ${given}. Please specify an integer less than ${maxListKeys}.`,
    );
  }
  const prefix = checkKeyLength(query.get("prefix") ?? "");
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
  if (key.length === 0 || key.length > maxKeyBytes || !bytes.subarray(0, markBytes).equals(markOf(prefix))) {
    throw new KvRefusal(400, "Invalid cursor: it is none of a list with this prefix.");
  }
  return key;
}

function markOf(prefix: Uint8Array): Buffer {
  return createHash("sha256").update(prefix).digest().subarray(0, markBytes);
}
