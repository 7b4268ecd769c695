import type { WorkerId } from "@openworkers/core";
import type CachePolicy from "http-cache-semantics";

export interface CacheLimits {
  /** Bytes that all workers' caches may take together. */
  readonly totalBytes: number;
  /** Bytes that one worker's caches may take. */
  readonly workerBytes: number;
}

export const defaultCacheLimits: CacheLimits = { totalBytes: 256 * 2 ** 20, workerBytes: 64 * 2 ** 20 };

/** A stored response. */
export interface CachedResponse {
  readonly status: number;
  readonly policy: CachePolicy;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

interface Resource {
  readonly workerId: WorkerId;
  readonly key: string;
  /** One for each selection by `Vary`, the newest first. */
  variants: readonly CachedResponse[];
  bytes: number;
}

interface Worker {
  /** By key; the one that was used last comes last. */
  readonly resources: Map<string, Resource>;
  bytes: number;
}

/** What an entry takes beside its body, key and headers: objects and maps. */
const overheadBytes = 1_024;
const maxVariants = 16;

/**
 * Responses in memory, by worker and key. When there is no room, those go first that were not used for longest: the
 * worker's own when it has too much, anybody's when all have.
 */
export class CacheStore {
  readonly #limits: CacheLimits;
  readonly #workers = new Map<WorkerId, Worker>();
  /** Of all workers; the one that was used last comes last. */
  readonly #all = new Set<Resource>();
  #bytes = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  /** The largest body that is stored. */
  get maxBodyBytes(): number {
    return Math.floor(Math.min(this.#limits.workerBytes, this.#limits.totalBytes) / 4);
  }

  get bytes(): number {
    return this.#bytes;
  }

  variants(workerId: WorkerId, key: string): readonly CachedResponse[] {
    const worker = this.#workers.get(workerId);
    const resource = worker?.resources.get(key);
    if (worker === undefined || resource === undefined) return [];
    worker.resources.delete(key);
    worker.resources.set(key, resource);
    this.#all.delete(resource);
    this.#all.add(resource);
    return resource.variants;
  }

  /** Replaces all that is stored under a key; no variants at all remove it. */
  set(workerId: WorkerId, key: string, variants: readonly CachedResponse[]): void {
    this.delete(workerId, key);
    if (variants.length === 0) return;
    const kept = variants.slice(0, maxVariants);
    const resource: Resource = { workerId, key, variants: kept, bytes: sizeOf(key, kept) };
    this.#worker(workerId).resources.set(key, resource);
    this.#all.add(resource);
    this.#count(workerId, resource.bytes);
    this.#makeRoom(workerId);
  }

  /** Whether something was there. */
  delete(workerId: WorkerId, key: string): boolean {
    const resource = this.#workers.get(workerId)?.resources.get(key);
    if (resource === undefined) return false;
    this.#remove(resource);
    return true;
  }

  /**
   * Counts bytes that are about to come, and makes room for them: what is not stored yet takes memory all the same.
   *
   * @returns false when there is no room, because too much is coming already.
   */
  reserve(workerId: WorkerId, bytes: number): boolean {
    this.#count(workerId, bytes);
    this.#makeRoom(workerId);
    if (this.#fits(workerId)) return true;
    this.release(workerId, bytes);
    return false;
  }

  release(workerId: WorkerId, bytes: number): void {
    this.#count(workerId, -bytes);
  }

  #worker(workerId: WorkerId): Worker {
    const found = this.#workers.get(workerId);
    if (found !== undefined) return found;
    const made: Worker = { resources: new Map(), bytes: 0 };
    this.#workers.set(workerId, made);
    return made;
  }

  #count(workerId: WorkerId, bytes: number): void {
    const worker = this.#worker(workerId);
    worker.bytes += bytes;
    this.#bytes += bytes;
    if (worker.bytes === 0) this.#workers.delete(workerId);
  }

  #bytesOf(workerId: WorkerId): number {
    return this.#workers.get(workerId)?.bytes ?? 0;
  }

  #fits(workerId: WorkerId): boolean {
    return this.#bytesOf(workerId) <= this.#limits.workerBytes && this.#bytes <= this.#limits.totalBytes;
  }

  #makeRoom(workerId: WorkerId): void {
    for (const resource of this.#workers.get(workerId)?.resources.values() ?? []) {
      if (this.#bytesOf(workerId) <= this.#limits.workerBytes) break;
      this.#remove(resource);
    }
    for (const resource of this.#all) {
      if (this.#bytes <= this.#limits.totalBytes) break;
      this.#remove(resource);
    }
  }

  #remove(resource: Resource): void {
    this.#worker(resource.workerId).resources.delete(resource.key);
    this.#all.delete(resource);
    this.#count(resource.workerId, -resource.bytes);
  }
}

function sizeOf(key: string, variants: readonly CachedResponse[]): number {
  const heads = variants.map(({ headers, body }) => {
    const text = [...headers].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    // The policy has the headers once more, and the request's.
    return overheadBytes + 3 * text + body.byteLength;
  });
  return heads.reduce((sum, bytes) => sum + bytes, 2 * key.length);
}
