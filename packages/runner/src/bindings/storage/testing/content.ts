import { createCipheriv, createHash } from "node:crypto";
import type { Content, PutOptions } from "@openworkers/core";

/** A content to put. */
export function contentOf(value: string | Uint8Array): Content {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return { body: new Blob([Buffer.from(bytes)]).stream(), size: bytes.byteLength };
}

/** Bytes that no compression makes smaller, and the same for the same seed. */
export function noise(length: number, seed = "noise"): Uint8Array {
  const key = createHash("md5").update(seed).digest();
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

export function digest(
  algorithm: "md5" | "sha1" | "sha256" | "sha384" | "sha512",
  value: string | Uint8Array,
): string {
  return createHash(algorithm).update(value).digest("hex");
}

/** Options of a put of nothing special. */
export function putOptions(options: Partial<PutOptions> = {}): PutOptions {
  return { http: {}, custom: {}, storageClass: "Standard", checksums: {}, ...options };
}
