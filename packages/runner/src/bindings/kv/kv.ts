import { type KvNamespaceId, kvExpiry, OpenWorkersError } from "@openworkers/core";
import {
  type DatabaseAccess,
  deleteKvEntry,
  type KvEntry,
  listKvEntries,
  readKvValue,
  sweepKv,
} from "@openworkers/db";
import type { ByteMeter } from "../../cells/byte-meter.ts";
import type { Caller } from "../caller.ts";
import type { BindingHandler, BindingPlugin, BindingServices } from "../plugin.ts";
import { type DatabaseShares, sharedQueries } from "../shares/database-shares.ts";
import { streamOf } from "../stream-of.ts";
import { Sweeper } from "../sweeper.ts";
import { jsonResponse } from "../whole-response.ts";
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
  readonly #shares: DatabaseShares;
  readonly #reader: KvReader;
  readonly #sweeper: Sweeper;

  constructor({ database, shares, report }: BindingServices) {
    this.#shares = shares;
    this.#reader = new KvReader(shares.shared, sharedQueries);
    this.#sweeper = new Sweeper({
      sweep: (signal) => sweepKv(database, { keepMs, signal }),
      failure: "Expired KV entries could not be removed",
      report,
    });
  }

  async serve(
    request: Request,
    { namespaceId }: { readonly namespaceId: KvNamespaceId },
    caller: Caller,
  ): Promise<Response> {
    const url = new URL(request.url);
    const { pathname, searchParams } = url;
    const database = this.#shares.of(caller.target.workerId, request.signal);
    switch (request.method) {
      case "GET":
        return pathname === "/"
          ? list(database, searchParams, namespaceId)
          : this.#get(database, url, namespaceId, caller);
      case "PUT":
        return put(database, request, url, namespaceId, caller.meter);
      case "DELETE":
        await deleteKvEntry(database, { namespaceId, key: parseKey(pathname) });
        return new Response(null);
      case "POST":
        if (pathname === "/bulk/get") return bulkGet(database, request, namespaceId, caller.meter);
        break;
    }
    throw new OpenWorkersError("INVALID_INPUT", "KV has no such operation.");
  }

  async #get(
    database: DatabaseAccess,
    { pathname, searchParams }: URL,
    namespaceId: KvNamespaceId,
    { target, meter }: Caller,
  ): Promise<Response> {
    const key = parseKey(pathname);
    checkCacheTtl(searchParams.get("cache_ttl"));
    const entry = await this.#reader.read(target.workerId, { namespaceId, key });
    if (entry === undefined) return new Response(null, { status: 404 });
    return new Response(bodyOf(database, entry, meter), {
      headers: {
        "content-length": String(entry.size),
        ...(entry.metadata === null ? {} : { "cf-kv-metadata": metadataHeader(entry.metadata) }),
        ...(entry.expiresAt === null ? {} : { "cf-expiration": String(seconds(entry.expiresAt)) }),
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sweeper[Symbol.asyncDispose]();
  }
}

async function put(
  database: DatabaseAccess,
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
  await putBody(database, request, entry, meter);
  return new Response(null);
}

async function list(
  database: DatabaseAccess,
  query: URLSearchParams,
  namespaceId: KvNamespaceId,
): Promise<Response> {
  const { limit, prefix, after } = parseListOptions(query);
  // One more than was asked for tells whether there is more.
  const found = await listKvEntries(database, { namespaceId, prefix, after, limit: limit + 1 });
  const keys = found.slice(0, limit).map(({ key, metadata, expiresAt }) => ({
    name: new TextDecoder("utf-8", { ignoreBOM: true }).decode(key),
    ...(expiresAt === null ? {} : { expiration: seconds(expiresAt) }),
    // As text, which the client parses.
    ...(metadata === null ? {} : { metadata }),
  }));
  const last = found[limit - 1];
  const more = found.length > limit && last !== undefined;
  return jsonResponse({
    keys,
    list_complete: !more,
    ...(more ? { cursor: cursorAfter(last.key, prefix) } : {}),
  });
}

/** A small value as it is, a large one chunk by chunk as the cell takes it. */
function bodyOf(
  database: DatabaseAccess,
  { value, valueId, size }: KvEntry,
  meter: ByteMeter,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  if (valueId !== null) return streamOf(readKvValue(database, valueId, size), meter);
  meter.moved(size, 0);
  return new Uint8Array(value ?? []);
}

const seconds = (time: Date): number => Math.floor(time.getTime() / 1_000);
