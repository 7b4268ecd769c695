import { OpenWorkersError } from "./errors.ts";

/** Limits of Cloudflare's KV, with the messages that it refuses more with. */
export const kvLimits = {
  keyBytes: 512,
  metadataBytes: 1_024,
  valueBytes: 25 * 2 ** 20,
  ttlSeconds: 60,
  cacheTtlSeconds: 30,
  listKeys: 1_000,
  /** Keys of one `get`. */
  bulkKeys: 100,
} as const;

/** The largest time of JavaScript, in seconds (ECMA-262, 21.4.1.1): some 270,000 years from now. */
const maxSeconds = 8.64e12;

const encoder = new TextEncoder();

/** A key in UTF-8. @throws OpenWorkersError INVALID_INPUT, KEY_TOO_LONG */
export function checkKvKey(key: string): Uint8Array {
  if (key === "")
    throw new OpenWorkersError("INVALID_INPUT", "Key names must not be empty", { field: "key" });
  if (key === "." || key === "..") {
    throw new OpenWorkersError("INVALID_INPUT", `Illegal key name "${key}". Please use a different name.`, {
      field: "key",
    });
  }
  return checkKvPrefix(key);
}

/** What keys begin with, in UTF-8; may be empty. @throws OpenWorkersError KEY_TOO_LONG */
export function checkKvPrefix(prefix: string): Uint8Array {
  const bytes = encoder.encode(prefix);
  if (bytes.byteLength > kvLimits.keyBytes) {
    throw new OpenWorkersError(
      "KEY_TOO_LONG",
      `UTF-8 encoded length of ${bytes.byteLength} exceeds key length limit of ${kvLimits.keyBytes}.`,
    );
  }
  return bytes;
}

/** @throws OpenWorkersError BODY_TOO_LARGE */
export function checkKvSize(bytes: number): void {
  if (bytes <= kvLimits.valueBytes) return;
  throw new OpenWorkersError(
    "BODY_TOO_LARGE",
    `Value length of ${bytes} exceeds limit of ${kvLimits.valueBytes}.`,
  );
}

/** Metadata as JSON text. @throws OpenWorkersError INVALID_INPUT, BODY_TOO_LARGE */
export function checkKvMetadata(json: string): string {
  const length = encoder.encode(json).byteLength;
  if (length > kvLimits.metadataBytes) {
    throw new OpenWorkersError(
      "BODY_TOO_LARGE",
      `Metadata length of ${length} exceeds limit of ${kvLimits.metadataBytes}.`,
    );
  }
  try {
    JSON.parse(json);
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "Metadata must be valid JSON.", { field: "metadata", cause });
  }
  return json;
}

export interface KvExpiry {
  /** Seconds from now, as text. Goes before `expiration`. */
  readonly expirationTtl?: string | null | undefined;
  /** Seconds since the UNIX epoch, as text. */
  readonly expiration?: string | null | undefined;
}

/** When an entry expires; undefined for never. @throws OpenWorkersError INVALID_INPUT */
export function kvExpiry(
  { expirationTtl, expiration }: KvExpiry,
  now: number = Date.now(),
): Date | undefined {
  const seconds = Math.floor(now / 1_000);
  if (expirationTtl !== null && expirationTtl !== undefined) {
    const wrong = `Invalid expiration_ttl of ${expirationTtl}.`;
    const value = wholeNumber(expirationTtl);
    if (value === undefined || value <= 0)
      return refuse("expirationTtl", `${wrong} Please specify integer greater than 0.`);
    if (value < kvLimits.ttlSeconds) {
      return refuse("expirationTtl", `${wrong} Expiration TTL must be at least ${kvLimits.ttlSeconds}.`);
    }
    return new Date((seconds + value) * 1_000);
  }
  if (expiration === null || expiration === undefined) return undefined;
  const wrong = `Invalid expiration of ${expiration}.`;
  const value = wholeNumber(expiration);
  if (value === undefined || value <= seconds) {
    return refuse(
      "expiration",
      `${wrong} Please specify integer greater than the current number of seconds since the UNIX epoch.`,
    );
  }
  if (value < seconds + kvLimits.ttlSeconds) {
    return refuse(
      "expiration",
      `${wrong} Expiration times must be at least ${kvLimits.ttlSeconds} seconds in the future.`,
    );
  }
  return new Date(value * 1_000);
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return /^-?\d+$/.test(text) && value <= maxSeconds ? value : undefined;
}

function refuse(field: keyof KvExpiry, message: string): never {
  throw new OpenWorkersError("INVALID_INPUT", message, { field });
}
