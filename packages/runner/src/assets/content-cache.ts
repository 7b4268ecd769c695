import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { AssetFile } from "@openworkers/core";
import { type Database, readBlob } from "@openworkers/db";
import { Gate } from "./gate.ts";
import { LruCache } from "./lru-cache.ts";
import type { Encoding } from "./negotiate.ts";

/** A piece of a content on its way from PostgreSQL: what one slow reader holds in memory. */
const chunkBytes = 256 * 1024;
/** Questions to PostgreSQL at a time: cold starts share its connections. */
const maxReads = 4;
const maxWaiting = 1_024;
/** Contents on their way into memory at a time. */
const maxLoads = 8;
/** Compressing one content of the largest size takes a tenth of a second of a core. */
const maxCompressedBytes = 4 * 2 ** 20;
const minCompressedBytes = 256;
const maxWaitingCompressions = 64;

const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);

/** What compressing makes smaller, going by the type. */
const compressible =
  /^(text\/|application\/(javascript|json|xml|wasm|manifest\+json|ld\+json|rtf|.*\+(json|xml))|image\/(svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)|font\/(ttf|otf)|application\/(vnd\.ms-fontobject|x-font-ttf))/;

export function isCompressible({ contentType, size }: AssetFile): boolean {
  return size >= minCompressedBytes && size <= maxCompressedBytes && compressible.test(contentType);
}

/**
 * Contents of static files in memory, up to a number of bytes, the last used ones; and compressed ones, made once for as
 * long as they are kept. What is too large for it is read from PostgreSQL piece by piece.
 */
export class ContentCache {
  readonly #database: Database;
  readonly #maxFileBytes: number;
  readonly #contents: LruCache<Uint8Array | null>;
  readonly #loading = new Map<string, Promise<Uint8Array | null>>();
  readonly #reads = new Gate(maxReads, maxWaiting);
  readonly #loads = new Gate(maxLoads, maxWaiting);
  readonly #compressions = new Gate(1, maxWaitingCompressions);

  constructor(database: Database, maxBytes: number) {
    this.#database = database;
    // One file must not push out all others.
    this.#maxFileBytes = Math.floor(maxBytes / 16);
    this.#contents = new LruCache(maxBytes);
  }

  /** Whether a content of that many bytes is kept at all. */
  keeps(size: number): boolean {
    return size <= this.#maxFileBytes;
  }

  /** The content, now when it is here. @throws OpenWorkersError NOT_FOUND, DATABASE_UNAVAILABLE, OVERLOADED */
  get(file: AssetFile): Uint8Array | Promise<Uint8Array> {
    const kept = this.#contents.get(file.hash);
    if (kept instanceof Uint8Array) return kept;
    return this.#once(file.hash, () => this.#loads.run(() => this.#read(file))).then(
      (bytes) => bytes ?? new Uint8Array(0),
    );
  }

  /**
   * The content in a coding, now when it is here. null when it is no smaller so, or when too many others wait to be
   * compressed.
   */
  encoded(file: AssetFile, encoding: Encoding): Uint8Array | null | Promise<Uint8Array | null> {
    const key = `${file.hash}:${encoding}`;
    const kept = this.#contents.get(key);
    if (kept !== undefined) return kept;
    if (this.#compressions.full && !this.#loading.has(key)) return null;
    return this.#once(key, async () => compress(await this.get(file), encoding, this.#compressions));
  }

  /** Its bytes from `from` to `to`, none kept. Takes no more than one piece from PostgreSQL ahead of its reader. */
  async *pieces(file: AssetFile, from: number, to: number): AsyncIterable<Uint8Array> {
    for (let at = from; at <= to; at += chunkBytes) {
      const length = Math.min(chunkBytes, to + 1 - at);
      const bytes = await this.#reads.run(() => readBlob(this.#database, file.hash, at, length));
      if (bytes.length !== length) throw new Error(`The content ${file.hash} ends before its size.`);
      yield bytes;
    }
  }

  async #read(file: AssetFile): Promise<Uint8Array> {
    const content = new Uint8Array(file.size);
    let at = 0;
    for await (const piece of this.pieces(file, 0, file.size - 1)) {
      content.set(piece, at);
      at += piece.length;
    }
    return content;
  }

  #once(key: string, make: () => Promise<Uint8Array | null>): Promise<Uint8Array | null> {
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = make()
        .then((content) => {
          this.#contents.set(key, content, 200 + (content?.length ?? 0));
          return content;
        })
        .finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }
}

async function compress(content: Uint8Array, encoding: Encoding, gate: Gate): Promise<Uint8Array | null> {
  const smaller = await gate.run(() =>
    encoding === "br"
      ? brotli(content, {
          params: {
            // 5 of 11: within some per cent of the best, at a twentieth of its time.
            [constants.BROTLI_PARAM_QUALITY]: 5,
            [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
          },
        })
      : deflate(content, { level: 6 }),
  );
  // What saves next to nothing costs the reader the unpacking.
  return smaller.length < content.length * 0.95 ? new Uint8Array(smaller) : null;
}
