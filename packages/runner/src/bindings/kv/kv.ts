import { type KvNamespaceId, kvExpiry, OpenWorkersError } from "@openworkers/core";
import { deleteKvEntry, type KvEntry, listKvEntries, readKvValue, sweepKv } from "@openworkers/db";
import type { ByteMeter } from "../../cells/byte-meter.ts";
import type { Caller } from "../caller.ts";
import type { BindingHandler, BindingPlugin, BindingServices } from "../plugin.ts";
import { streamOf } from "../stream-of.ts";
import { Sweeper } from "../sweeper.ts";
import { bulkGet } from "./bulk.ts";
import {
  checkCacheTtl,
  cursorAfter,
  metadataHeader,
  parseKey,
  parseListOptions,
  parseMetadata,
} from "./options.ts";
import { putBody } from "./put.ts";
import { KvReader } from "./reader.ts";

/** No request lives as long, so nobody still reads or writes a value that has been nobody's for so long. */
const keepMs = 3_600_000;

/** `env.KV`: workerd's own client, and what it speaks with. */
export const kvPlugin: BindingPlugin<"kv"> = {
  kind: "kv",
  configure: () => ({ type: "kvNamespace" }),
  handler: (services) => new KvHandler(services),
};

class KvHandler implements BindingHandler<"kv"> {
  readonly #database: BindingServices["database"];
  readonly #reader: KvReader;
  readonly #sweeper: Sweeper;

  constructor({ database, report }: BindingServices) {
    this.#database = database;
    this.#reader = new KvReader(database);
    this.#sweeper = new Sweeper({
      sweep: (signal) => sweepKv(database, { keepMs, signal }),
      failure: "Expired KV entries could not be removed",
      report,
    });
  }

  async serve(
    request: Request,
    { namespaceId }: { readonly namespaceId: KvNamespaceId },
    { meter }: Caller,
  ): Promise<Response> {
    const url = new URL(request.url);
    const { pathname, searchParams } = url;
    switch (request.method) {
      case "GET":
        return pathname === "/"
          ? this.#list(searchParams, namespaceId)
          : this.#get(pathname, searchParams, namespaceId, meter);
      case "PUT":
        return this.#put(request, url, namespaceId, meter);
      case "DELETE":
        return this.#delete(pathname, namespaceId);
      case "POST":
        if (pathname === "/bulk/get") return bulkGet(this.#database, request, namespaceId, meter);
        break;
    }
    throw new OpenWorkersError("INVALID_INPUT", "KV has no such operation.");
  }

  async #get(
    pathname: string,
    query: URLSearchParams,
    namespaceId: KvNamespaceId,
    meter: ByteMeter,
  ): Promise<Response> {
    const key = parseKey(pathname);
    checkCacheTtl(query.get("cache_ttl"));
    const entry = await this.#reader.read({ namespaceId, key });
    if (entry === undefined) return new Response(null, { status: 404 });
    return new Response(bodyOf(this.#database, entry, meter), {
      headers: {
        "content-length": String(entry.size),
        ...(entry.metadata === null ? {} : { "cf-kv-metadata": metadataHeader(entry.metadata) }),
        ...(entry.expiresAt === null ? {} : { "cf-expiration": String(seconds(entry.expiresAt)) }),
      },
    });
  }

  async #put(
    request: Request,
    { pathname, searchParams }: URL,
    namespaceId: KvNamespaceId,
    meter: ByteMeter,
  ): Promise<Response> {
    const entry = {
      namespaceId,
      key: parseKey(pathname),
      expiresAt: kvExpiry({
        expirationTtl: searchParams.get("expiration_ttl"),
        expiration: searchParams.get("expiration"),
      }),
      metadata: parseMetadata(request.headers.get("cf-kv-metadata")),
    };
    await putBody(this.#database, request, entry, meter);
    return new Response(null);
  }

  async #delete(pathname: string, namespaceId: KvNamespaceId): Promise<Response> {
    await deleteKvEntry(this.#database, { namespaceId, key: parseKey(pathname) });
    return new Response(null);
  }

  async #list(query: URLSearchParams, namespaceId: KvNamespaceId): Promise<Response> {
    const { limit, prefix, after } = parseListOptions(query);
    // One more than was asked for tells whether there is more.
    const found = await listKvEntries(this.#database, { namespaceId, prefix, after, limit: limit + 1 });
    const keys = found.slice(0, limit).map(({ key, metadata, expiresAt }) => ({
      name: new TextDecoder("utf-8", { ignoreBOM: true }).decode(key),
      ...(expiresAt === null ? {} : { expiration: seconds(expiresAt) }),
      // As text, which the client parses.
      ...(metadata === null ? {} : { metadata }),
    }));
    const last = found[limit - 1];
    const more = found.length > limit && last !== undefined;
    return Response.json({
      keys,
      list_complete: !more,
      ...(more ? { cursor: cursorAfter(last.key, prefix) } : {}),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sweeper[Symbol.asyncDispose]();
  }
}

/** A small value as it is, a large one chunk by chunk as the cell takes it. */
function bodyOf(
  database: BindingServices["database"],
  { value, valueId, size }: KvEntry,
  meter: ByteMeter,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  if (valueId !== null) return streamOf(readKvValue(database, valueId, size), meter);
  meter.moved(size, 0);
  return new Uint8Array(value ?? []);
}

const seconds = (time: Date): number => Math.floor(time.getTime() / 1_000);
