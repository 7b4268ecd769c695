import { z } from "@hono/zod-openapi";
import {
  checkKvKey,
  checkKvMetadata,
  checkKvPrefix,
  type KvNamespaceId,
  kvExpiry,
  kvLimits,
  OpenWorkersError,
} from "@openworkers/core";
import type { StoreDatabase } from "@openworkers/db/access";
import {
  deleteKvEntry,
  type KvEntry,
  listKvEntries,
  maxInlineBytes,
  putKvEntry,
  putKvStream,
  readKvEntries,
  readKvValue,
} from "@openworkers/db/stores";
import { find } from "../../access/owned.ts";
import type { Call, Scope } from "../../http/call.ts";
import { noStore } from "../../http/errors.ts";
import { notFound } from "../../http/not-found.ts";
import { cursorAfter, keyOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, nameOrId } from "../../http/schemas.ts";
import { changeRoute, resourceRoutes, resourceShape } from "../resources/resource-routes.ts";

const tag = "KV";
const named = z.strictObject({ name: z.string().min(1).max(64) });
const params = z.object({ namespace: nameOrId });
const key = z.string().min(1).max(kvLimits.keyBytes);
const valueParams = params.extend({ key });

const keySchema = z
  .object({
    name: z.string(),
    expiration: z.int().optional().openapi({ description: "Seconds since the UNIX epoch." }),
    metadata: z.unknown().optional(),
  })
  .openapi("KvKey");

const putShape = {
  expirationTtl: z.int().min(1).optional().openapi({ description: "Seconds from now; 60 at least." }),
  expiration: z.int().min(1).optional().openapi({ description: "Seconds since the UNIX epoch." }),
};

const expirationHeader = "ow-kv-expiration";
const metadataHeader = "ow-kv-metadata";

export function kvRoutes(routes: Routes): void {
  const facts = {
    kind: "kv",
    resource: "kv",
    tag,
    path: "kv",
    param: "namespace",
    noun: "a KV namespace",
    plural: "KV namespaces",
    shown: z.object(resourceShape).openapi("KvNamespace"),
    created: named,
    show,
  } as const;
  resourceRoutes(routes, facts);
  changeRoute(routes, facts, named.partial());

  routes.add(
    {
      method: "get",
      path: "/kv/{namespace}/keys",
      tag,
      summary: "List keys in the order of their bytes",
      params,
      query: pageQuery
        .extend({ prefix: z.string().max(kvLimits.keyBytes).default("") })
        .extend(accountQuery.shape),
      result: z.object({ items: z.array(keySchema), nextCursor: z.string().nullable() }),
    },
    ({ params: { namespace }, query, reading }) =>
      reading(async (scope) => {
        const found = await find<KvNamespaceId>(scope, "kv", {
          nameOrId: namespace,
          account: query.account,
          action: "read",
        });
        const after = keyOf(z.string(), query.cursor);
        const entries = await listKvEntries(scope.database, {
          namespaceId: found.id,
          prefix: checkKvPrefix(query.prefix),
          after: after === undefined ? undefined : Buffer.from(after, "base64url"),
          limit: query.limit + 1,
        });
        const items = entries.slice(0, query.limit);
        const last = items.at(-1);
        const more = entries.length > query.limit && last !== undefined;
        return {
          items: items.map((entry) => ({ name: Buffer.from(entry.key).toString(), ...about(entry) })),
          nextCursor: more ? cursorAfter(Buffer.from(last.key).toString("base64url")) : null,
        };
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/kv/{namespace}/values/{key}",
      tag,
      summary: "Get a value",
      description: `The header \`${expirationHeader}\` tells when it expires, \`${metadataHeader}\` its metadata as percent-encoded JSON.`,
      params: valueParams,
      query: accountQuery,
      answers: "application/octet-stream",
    },
    async (call) => {
      const namespaceId = await namespaceOf(call, "read");
      const [entry] = await readKvEntries(call.database, [{ namespaceId, key: checkKvKey(call.params.key) }]);
      if (entry === undefined)
        throw notFound(`There is no key "${call.params.key}".`, `/kv/${call.params.namespace}/keys`);
      return new Response(bodyOf(call.database, entry), {
        headers: {
          ...noStore,
          ...aboutHeaders(entry),
          "content-type": "application/octet-stream",
          "content-length": String(entry.size),
          "content-disposition": "attachment",
        },
      });
    },
  );

  routes.add(
    {
      method: "put",
      path: "/kv/{namespace}/values/{key}",
      tag,
      summary: "Put a value: the body as it is",
      params: valueParams,
      query: z
        .object({
          expirationTtl: z.coerce.number().int().min(1).optional(),
          expiration: z.coerce.number().int().min(1).optional(),
          metadata: z.string().max(4_096).optional().openapi({ description: "JSON text." }),
        })
        .extend(accountQuery.shape),
      raw: { type: "application/octet-stream", schema: z.string().openapi({ format: "binary" }) },
    },
    async (call) => {
      const { expirationTtl, expiration, metadata } = call.query;
      const entryKey = checkKvKey(call.params.key);
      const expiresAt = kvExpiry(texts({ expirationTtl, expiration }));
      const checked = metadata === undefined ? undefined : checkKvMetadata(metadata);
      const namespaceId = await namespaceOf(call, "write");
      const chunks = call.request.body ?? emptyBody();
      await putKvStream(call.database, { namespaceId, key: entryKey, metadata: checked, expiresAt }, chunks);
    },
  );

  routes.add(
    {
      method: "delete",
      path: "/kv/{namespace}/values/{key}",
      tag,
      summary: "Delete a value, if it is there",
      params: valueParams,
      query: accountQuery,
    },
    ({ params: { namespace, key: wanted }, query, together }) =>
      together(async (scope) => {
        const found = await find<KvNamespaceId>(scope, "kv", {
          nameOrId: namespace,
          account: query.account,
          action: "write",
        });
        await deleteKvEntry(scope.database, { namespaceId: found.id, key: checkKvKey(wanted) });
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/kv/{namespace}/bulk",
      tag,
      summary: "Put and delete many values, all of it or nothing",
      params,
      query: accountQuery,
      body: z.strictObject({
        put: z
          .array(
            z.strictObject({
              key,
              value: z.string(),
              base64: z.boolean().default(false).openapi({ description: "The value is bytes in base64." }),
              metadata: z.unknown().optional(),
              ...putShape,
            }),
          )
          .max(1_000)
          .default([]),
        delete: z.array(key).max(1_000).default([]),
      }),
      result: z.object({ put: z.int(), deleted: z.int() }),
    },
    ({ params: { namespace }, query, body, together }) =>
      together(async (scope) => {
        const { id: namespaceId } = await find<KvNamespaceId>(scope, "kv", {
          nameOrId: namespace,
          account: query.account,
          action: "write",
        });
        for (const { key: name, value, base64, metadata, ...expiry } of body.put) {
          const bytes = base64 ? fromBase64(value) : new TextEncoder().encode(value);
          const entry = {
            namespaceId,
            key: checkKvKey(name),
            metadata: metadata === undefined ? undefined : checkKvMetadata(JSON.stringify(metadata)),
            expiresAt: kvExpiry(texts(expiry)),
          };
          if (bytes.byteLength <= maxInlineBytes) await putKvEntry(scope.database, entry, bytes);
          else await putKvStream(scope.database, entry, once(bytes));
        }
        for (const name of body.delete)
          await deleteKvEntry(scope.database, { namespaceId, key: checkKvKey(name) });
        return { put: body.put.length, deleted: body.delete.length };
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/kv/{namespace}/bulk/get",
      tag,
      summary: "Get many values at once, in base64",
      params,
      query: accountQuery,
      body: z.strictObject({ keys: z.array(key).min(1).max(kvLimits.bulkKeys) }),
      result: z.object({ items: z.array(keySchema.extend({ value: z.string().nullable() })) }),
    },
    ({ params: { namespace }, query, body, together }) =>
      together(async (scope) => {
        const { id: namespaceId } = await find<KvNamespaceId>(scope, "kv", {
          nameOrId: namespace,
          account: query.account,
          action: "read",
        });
        const keys = body.keys.map((name) => ({ namespaceId, key: checkKvKey(name) }));
        const entries = await readKvEntries(scope.database, keys);
        const items = [];
        let bytes = 0;
        for (const [index, name] of body.keys.entries()) {
          const entry = entries[index];
          bytes += entry?.size ?? 0;
          if (bytes > kvLimits.valueBytes) {
            throw new OpenWorkersError(
              "RESULT_TOO_LARGE",
              `Together they are more than ${kvLimits.valueBytes} bytes.`,
            );
          }
          items.push({
            name,
            ...(entry === undefined ? {} : about(entry)),
            value: entry === undefined ? null : (await wholeOf(scope.database, entry)).toString("base64"),
          });
        }
        return { items };
      }),
  );
}

function show({ queries }: Scope, ids: readonly string[]) {
  return queries
    .selectFrom("kv_namespaces")
    .innerJoin("users", "users.id", "owner_id")
    .select([
      "kv_namespaces.id",
      "kv_namespaces.name",
      "users.name as account",
      "kv_namespaces.created_at as createdAt",
    ])
    .where("kv_namespaces.id", "in", ids as KvNamespaceId[])
    .orderBy("kv_namespaces.name")
    .execute();
}

/** The namespace of a value, in a transaction of its own: a value may be long on its way. */
async function namespaceOf(
  call: Call<{ namespace: string }, { account?: string | undefined }, unknown>,
  action: "read" | "write",
): Promise<KvNamespaceId> {
  const { id } = await call.together((scope) =>
    find<KvNamespaceId>(scope, "kv", {
      nameOrId: call.params.namespace,
      account: call.query.account,
      action,
    }),
  );
  return id;
}

function about({ expiresAt, metadata }: Pick<KvEntry, "expiresAt" | "metadata">) {
  return {
    ...(expiresAt === null ? {} : { expiration: Math.floor(expiresAt.getTime() / 1_000) }),
    ...(metadata === null ? {} : { metadata: JSON.parse(metadata) as unknown }),
  };
}

function aboutHeaders({ expiresAt, metadata }: KvEntry): Record<string, string> {
  return {
    ...(expiresAt === null ? {} : { [expirationHeader]: String(Math.floor(expiresAt.getTime() / 1_000)) }),
    ...(metadata === null ? {} : { [metadataHeader]: encodeURIComponent(metadata) }),
  };
}

function bodyOf(database: StoreDatabase, { value, valueId, size }: KvEntry) {
  if (valueId === null) return new Uint8Array(value ?? []);
  const chunks = readKvValue(database, valueId, size);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value: chunk } = await chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(chunk));
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}

async function wholeOf(database: StoreDatabase, { value, valueId, size }: KvEntry): Promise<Buffer> {
  if (valueId === null) return Buffer.from(value ?? []);
  const parts: Uint8Array[] = [];
  for await (const part of readKvValue(database, valueId, size)) parts.push(part);
  return Buffer.concat(parts);
}

function texts(expiry: {
  readonly expirationTtl?: number | undefined;
  readonly expiration?: number | undefined;
}) {
  const { expirationTtl, expiration } = expiry;
  return {
    expirationTtl: expirationTtl === undefined ? undefined : String(expirationTtl),
    expiration: expiration === undefined ? undefined : String(expiration),
  };
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "value: it is not base64.", { field: "value", cause });
  }
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
