import {
  type BucketId,
  checkKey,
  checkMetadata,
  checkSize,
  type ListEntryName,
  type ObjectStore,
  OpenWorkersError,
  storageError,
  storageLimits,
} from "@openworkers/core";
import type { Database, SecretKeys } from "@openworkers/db";
import { z } from "zod";
import type { BucketStores } from "../storage/bucket-stores.ts";
import { decodeCursor, encodeCursor } from "../storage/cursor.ts";
import { mustBeAllowed, notFound, parseId } from "./access.ts";
import type { PlatformAction, PlatformCaller } from "./gateway.ts";
import { conditionOf, describeObject, lengthOf, metadataOf, objectHeaders } from "./object-http.ts";
import { readBody } from "./read-body.ts";
import { maxSignedSeconds, SignedTokens } from "./signed-token.ts";

const what = "bucket";
const methods: Readonly<Record<string, PlatformAction>> = {
  GET: "read",
  HEAD: "read",
  PUT: "write",
  DELETE: "delete",
};
const signSchema = z.strictObject({
  key: z.string(),
  method: z.enum(["GET", "PUT"]),
  expiresInSeconds: z.int().min(1).max(maxSignedSeconds),
});

export interface BucketObjectsOptions {
  readonly database: Database;
  readonly stores: BucketStores;
  readonly secretKeys: Pick<SecretKeys, "keys">;
}

/** Objects' bytes and lists, for their owners, and for whoever holds a signed token. */
export class BucketObjects {
  readonly #options: BucketObjectsOptions;
  readonly #tokens: SignedTokens;

  constructor(options: BucketObjectsOptions) {
    this.#options = options;
    this.#tokens = new SignedTokens(options.secretKeys);
  }

  /**
   * `/buckets/<id>/objects` lists (`prefix`, `delimiter`, `cursor`, `limit`): `{items, prefixes, nextCursor}`.
   *
   * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, and what `storageError` makes
   */
  async list(id: string, caller: PlatformCaller, search: URLSearchParams): Promise<Response> {
    const store = await this.#store(id, caller, "read");
    const limit = Number(search.get("limit") ?? 100);
    if (!Number.isInteger(limit) || limit < 1 || limit > storageLimits.listKeys)
      throw storageError("invalidMaxKeys");
    const cursor = search.get("cursor");
    const { entries, more } = await store.list({
      prefix: search.get("prefix") ?? "",
      delimiter: search.get("delimiter") ?? undefined,
      after: cursor === null ? undefined : decodeCursor(cursor),
      limit,
      metadata: true,
    });
    const last = entries.at(-1);
    const next: ListEntryName | undefined =
      !more || last === undefined ? undefined : "prefix" in last ? last : { key: last.object.key };
    return Response.json({
      items: entries.flatMap((entry) => ("prefix" in entry ? [] : [describeObject(entry.object)])),
      prefixes: entries.flatMap((entry) => ("prefix" in entry ? [entry.prefix] : [])),
      nextCursor: next === undefined ? null : encodeCursor(next),
    });
  }

  /** `/buckets/<id>/objects/<key>`: GET and HEAD (ranges, conditions), PUT (conditions), DELETE. @throws as `list` */
  async object(request: Request, id: string, key: string, caller: PlatformCaller): Promise<Response> {
    const action = methods[request.method];
    if (action === undefined) throw new OpenWorkersError("INVALID_INPUT", `No ${request.method} of objects.`);
    return await serve(request, await this.#store(id, caller, action), key);
  }

  /** `POST /buckets/<id>/signed`: `{token, expiresAt}`. @throws as `list`, and INVALID_INPUT */
  async sign(request: Request, id: string, caller: PlatformCaller): Promise<Response> {
    const asked = signSchema.safeParse(parseJson(await readBody(request, 65_536)));
    if (!asked.success) {
      const issues = asked.error.issues.map(({ path, message }) => ({ path, message }));
      throw new OpenWorkersError(
        "INVALID_INPUT",
        "key, method (GET or PUT) and expiresInSeconds are needed.",
        {
          details: { issues },
        },
      );
    }
    const { key, method, expiresInSeconds } = asked.data;
    checkKey(key);
    await this.#store(id, caller, method === "GET" ? "read" : "write");
    const expiresAt = Math.floor(Date.now() / 1_000) + expiresInSeconds;
    const token = await this.#tokens.sign({ bucketId: parseId(id, what), key, method, expiresAt });
    return Response.json({ token, expiresAt: new Date(expiresAt * 1_000).toISOString() });
  }

  /** `GET|PUT /signed/<token>`, for whoever holds the token. @throws OpenWorkersError UNAUTHORIZED, and as `object` */
  async signed(request: Request, token: string): Promise<Response> {
    const { bucketId, key } = await this.#tokens.verify(token, request.method);
    return await serve(request, await this.#storeOf(bucketId), key);
  }

  async #store(id: string, caller: PlatformCaller, action: PlatformAction): Promise<ObjectStore> {
    const bucketId = parseId<"bucket">(id, what);
    const bucket = await this.#options.database.read((queries) =>
      queries
        .selectFrom("storage_buckets")
        .select("owner_id as owner")
        .where("id", "=", bucketId)
        .executeTakeFirst(),
    );
    if (bucket === undefined) throw notFound(what);
    await mustBeAllowed(caller, bucket.owner, "storage", action, what);
    return await this.#storeOf(bucketId);
  }

  #storeOf(bucketId: BucketId): Promise<ObjectStore> {
    return this.#options.stores.of(bucketId, this.#options.database);
  }
}

async function serve(request: Request, store: ObjectStore, key: string): Promise<Response> {
  checkKey(key);
  switch (request.method) {
    case "GET":
      return await get(request, store, key);
    case "HEAD": {
      const object = await store.head(key);
      if (object === undefined) throw storageError("noSuchKey");
      const headers = objectHeaders(object);
      headers.set("content-length", String(object.size));
      return new Response(null, { headers });
    }
    case "PUT":
      return await put(request, store, key);
    default:
      await store.delete([key]);
      return new Response(null, { status: 204 });
  }
}

async function get(request: Request, store: ObjectStore, key: string): Promise<Response> {
  const range = request.headers.get("range");
  const found = await store.get(key, {
    range: range === null ? undefined : { header: range },
    onlyIf: conditionOf(request.headers),
    signal: request.signal,
  });
  if (found === undefined) throw storageError("noSuchKey");
  const headers = objectHeaders(found.object);
  if (found.body === undefined) {
    if (!request.headers.has("if-none-match")) throw storageError("preconditionFailed");
    return new Response(null, { status: 304, headers });
  }
  const { offset, length } = found.range;
  headers.set("content-length", String(length));
  if (length === found.object.size) return new Response(found.body, { headers });
  headers.set("content-range", `bytes ${offset}-${offset + length - 1}/${found.object.size}`);
  return new Response(found.body, { status: 206, headers });
}

async function put(request: Request, store: ObjectStore, key: string): Promise<Response> {
  const size = lengthOf(request.headers);
  checkSize(size);
  const { http, custom } = metadataOf(request.headers);
  checkMetadata(custom);
  const stored = await store.put(
    key,
    { body: request.body ?? new Blob([]).stream(), size },
    {
      http,
      custom,
      storageClass: "Standard",
      onlyIf: conditionOf(request.headers),
      checksums: {},
      signal: request.signal,
    },
  );
  if (stored === undefined) throw storageError("preconditionFailed");
  return Response.json(describeObject(stored), { headers: { etag: `"${stored.etag}"` } });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // which the schema refuses, too
  }
}
