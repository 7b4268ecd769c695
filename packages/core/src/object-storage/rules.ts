import { storageError } from "./storage-error.ts";

/** R2's limits: developers.cloudflare.com/r2/platform/limits. */
export const storageLimits = {
  keyBytes: 1_024,
  /** Of names and values of custom metadata together. */
  metadataBytes: 8_192,
  /** Of one put or one part: 5 GiB less 5 MiB. */
  putBytes: 5 * 2 ** 30 - 5 * 2 ** 20,
  /** Of all parts but the last. */
  minPartBytes: 5 * 2 ** 20,
  parts: 10_000,
  listKeys: 1_000,
  deleteKeys: 1_000,
  uploadDays: 7,
} as const;

/** @throws the error invalidObjectName */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  // PostgreSQL's text cannot hold a NUL, nor can a URL's path do so safely.
  if (bytes === 0 || bytes > storageLimits.keyBytes || key.includes("\0")) {
    throw storageError("invalidObjectName");
  }
}

/** @throws the error metadataTooLarge */
export function checkMetadata(custom: Readonly<Record<string, string>>): void {
  const bytes = Object.entries(custom).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (bytes > storageLimits.metadataBytes) throw storageError("metadataTooLarge");
}

/** @throws the error entityTooLarge */
export function checkSize(size: number): void {
  if (size > storageLimits.putBytes) throw storageError("entityTooLarge");
}

/**
 * What R2 asks of the parts of an upload, in the order of their numbers: equal sizes of at least 5 MiB, the last
 * one no larger than the others.
 *
 * @throws the errors entityTooSmall and badUpload
 */
export function checkPartSizes(sizes: readonly number[]): void {
  const [first, ...others] = sizes;
  const last = others.pop();
  if (first === undefined || last === undefined) return;
  if ([first, ...others].some((size) => size < storageLimits.minPartBytes))
    throw storageError("entityTooSmall");
  if (others.some((size) => size !== first) || last > first) {
    throw storageError(
      "badUpload",
      "There was a problem with the multipart upload: all parts but the last must have one size, and the last no more.",
    );
  }
}
