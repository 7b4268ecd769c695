/** Keeps the last `maxBytes` of a stream of text, so that a flood cannot fill memory. */
export class TailBuffer {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    const kept = chunk.length > this.#maxBytes ? chunk.slice(-this.#maxBytes) : chunk;
    this.#chunks.push(kept);
    this.#size += kept.length;
    while (this.#size - (this.#chunks[0]?.length ?? 0) >= this.#maxBytes) {
      this.#size -= this.#chunks.shift()?.length ?? 0;
    }
  }

  toString(): string {
    return Buffer.concat(this.#chunks).subarray(-this.#maxBytes).toString("utf8");
  }
}
