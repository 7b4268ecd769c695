import { OpenWorkersError, type WorkerId } from "@openworkers/core";
import type { ByteMeter } from "../../cells/byte-meter.ts";
import { schemeHeader } from "../../cells/cell.ts";
import type { Caller } from "../caller.ts";
import { answer, miss } from "./answer.ts";
import { policyRequest, storagePolicy } from "./policy.ts";
import { type CachedResponse, type CacheLimits, CacheStore, defaultCacheLimits } from "./store.ts";
import { readHead } from "./stored-head.ts";

type Reader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read">;

/**
 * `caches.default` and `caches.open(name)`: what workerd's clients for them speak with (api/cache.c++). A worker's
 * versions share its caches; workers share nothing.
 */
export class Cache {
  readonly #store: CacheStore;

  constructor(limits: CacheLimits = defaultCacheLimits) {
    this.#store = new CacheStore(limits);
  }

  /** Bytes that are stored, or being stored. */
  get bytes(): number {
    return this.#store.bytes;
  }

  async serve(request: Request, { target: { workerId }, meter }: Caller): Promise<Response> {
    const url = urlOf(request);
    // Length first: no name of a cache can end in what another's URL begins with.
    const namespace = request.headers.get("cf-cache-namespace") ?? "";
    const key = `${namespace.length}:${namespace}:${url}`;
    switch (request.method) {
      case "GET":
        return this.#match(request, url, workerId, key, meter);
      case "PUT":
        return await this.#put(request, url, workerId, key, meter);
      case "PURGE":
        return new Response(null, { status: this.#store.delete(workerId, key) ? 200 : 404 });
      default:
        throw new OpenWorkersError("INVALID_INPUT", "A cache has no such operation.");
    }
  }

  #match(request: Request, url: string, workerId: WorkerId, key: string, meter: ByteMeter): Response {
    const wanted = policyRequest(url, request.headers);
    const found = this.#store
      .variants(workerId, key)
      .find(({ policy }) => policy.satisfiesWithoutRevalidation(wanted));
    return found === undefined ? miss() : answer(found, request.headers, meter);
  }

  async #put(
    request: Request,
    url: string,
    workerId: WorkerId,
    key: string,
    meter: ByteMeter,
  ): Promise<Response> {
    const reader = request.body?.getReader();
    if (reader === undefined) throw new OpenWorkersError("INVALID_INPUT", "There is no response to store.");
    const { rest, ...head } = await readHead(reader);
    const wanted = policyRequest(url, request.headers);
    const policy = storagePolicy(wanted, head);
    const announced = Number(head.headers.get("content-length") ?? Number.NaN);
    const isTooLarge = announced > this.#store.maxBodyBytes;
    const body =
      policy === undefined || isTooLarge ? undefined : await this.#collect(reader, rest, workerId, meter);
    if (policy === undefined || body === undefined) {
      // Its sender would see a broken connection if it were not read to its end.
      await drain(reader, meter);
      return new Response(null, { status: 413 });
    }
    if (request.signal.aborted || (!Number.isNaN(announced) && announced !== body.byteLength)) {
      throw new OpenWorkersError("INVALID_INPUT", "The response ended before all of it had come.");
    }
    for (const name of hopByHop) head.headers.delete(name);
    const others = this.#store.variants(workerId, key).filter((other) => !isReplaced(other, wanted));
    this.#store.set(workerId, key, [{ ...head, policy, body }, ...others]);
    return new Response(null, { status: 204 });
  }

  /** The whole body; undefined when it is too large or there is no room. */
  async #collect(
    reader: Reader,
    first: Uint8Array,
    workerId: WorkerId,
    meter: ByteMeter,
  ): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    let reserved = 0;
    try {
      for (let chunk: Uint8Array | undefined = first; chunk !== undefined; ) {
        size += chunk.byteLength;
        meter.moved(0, chunk.byteLength);
        const bytes = chunk.byteLength + chunkOverheadBytes;
        if (size > this.#store.maxBodyBytes || !this.#store.reserve(workerId, bytes)) return undefined;
        reserved += bytes;
        chunks.push(chunk);
        const { done, value } = await reader.read();
        chunk = done ? undefined : value;
      }
      return Buffer.concat(chunks);
    } finally {
      this.#store.release(workerId, reserved);
    }
  }
}

/** What a chunk takes beside its bytes, which may be one. */
const chunkOverheadBytes = 256;

/** Of the message, not of the response (RFC 9111, 3.1). */
const hopByHop = [
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "upgrade",
  "cf-cache-status",
];

/** Stale ones go, and the one that would have been the answer to the same request. */
function isReplaced(
  { policy }: CachedResponse,
  wanted: Parameters<typeof policy.satisfiesWithoutRevalidation>[0],
): boolean {
  return policy.stale() || policy.satisfiesWithoutRevalidation(wanted);
}

/** How much of what is not stored is read, before its connection is simply closed. */
const maxIgnoredBytes = 100 * 2 ** 20;

async function drain(reader: Reader, meter: ByteMeter): Promise<void> {
  for (let ignored = 0; ignored < maxIgnoredBytes; ) {
    const { done, value } = await reader.read();
    if (done) return;
    ignored += value.byteLength;
    meter.moved(0, value.byteLength);
  }
}

/** The URL that the worker gave: its client says the scheme in a header of ours. */
function urlOf(request: Request): string {
  const scheme = request.headers.get(schemeHeader) === "https" ? "https" : "http";
  return request.url.replace(/^http/, scheme);
}
