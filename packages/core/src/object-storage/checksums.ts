import { createHash, type Hash } from "node:crypto";
import { storageError } from "./storage-error.ts";

export const checksumAlgorithms = ["md5", "sha1", "sha256", "sha384", "sha512"] as const;
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];

/** Digests in lower-case hex. */
export type Checksums = { readonly [Algorithm in ChecksumAlgorithm]?: string | undefined };

const titles: Record<ChecksumAlgorithm, string> = {
  md5: "MD5",
  sha1: "SHA-1",
  sha256: "SHA-256",
  sha384: "SHA-384",
  sha512: "SHA-512",
};

/** A content on its way to a store: its bytes can be read once, and are known to be the right ones at the end. */
export class CheckedContent {
  readonly #body: ReadableStream<Uint8Array>;
  readonly #size: number;
  readonly #expected: Checksums;
  readonly #hashes = new Map<ChecksumAlgorithm, Hash>();
  #digests: Checksums = {};

  /** Always computes the MD5, and the checksums that are `expected`. */
  constructor(content: { body: ReadableStream<Uint8Array>; size: number }, expected: Checksums) {
    this.#body = content.body;
    this.#size = content.size;
    this.#expected = expected;
    for (const algorithm of checksumAlgorithms) {
      if (algorithm === "md5" || expected[algorithm] !== undefined) {
        this.#hashes.set(algorithm, createHash(algorithm));
      }
    }
  }

  /** The digests of what was read, once it was read to its end. */
  get digests(): Checksums {
    return this.#digests;
  }

  /** The MD5 of the whole, in hex. @throws Error before the end. */
  get md5(): string {
    const { md5 } = this.#digests;
    if (md5 === undefined) throw new Error("the content has not been read to its end");
    return md5;
  }

  /**
   * The content's bytes. The last of them come only after the size and the checksums were found to be right, so
   * a receiver that waits for all of `size` never has a whole content that is wrong.
   *
   * @throws the errors incompleteBody and badDigest
   */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let held: Uint8Array | undefined;
    let length = 0;
    for await (const chunk of this.#body) {
      if (chunk.byteLength === 0) continue;
      length += chunk.byteLength;
      if (length > this.#size) break;
      for (const hash of this.#hashes.values()) hash.update(chunk);
      if (held !== undefined) yield held;
      held = chunk;
    }
    if (length !== this.#size) throw storageError("incompleteBody");
    this.#verify();
    if (held !== undefined) yield held;
  }

  #verify(): void {
    const digests: Partial<Record<ChecksumAlgorithm, string>> = {};
    for (const [algorithm, hash] of this.#hashes) digests[algorithm] = hash.digest("hex");
    for (const algorithm of checksumAlgorithms) {
      const expected = this.#expected[algorithm];
      if (expected === undefined || expected === digests[algorithm]) continue;
      const title = titles[algorithm];
      throw storageError(
        "badDigest",
        `The ${title} checksum you specified did not match what we received.\n` +
          `You provided a ${title} checksum with value: ${expected}\nActual ${title} was: ${digests[algorithm]}`,
      );
    }
    this.#digests = digests;
  }
}
