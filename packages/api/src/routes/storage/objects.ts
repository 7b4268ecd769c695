import { z } from "@hono/zod-openapi";
import { type BucketId, isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import { find } from "../../access/owned.ts";
import type { Call } from "../../http/call.ts";
import { notFound } from "../../http/not-found.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, nameOrId, time } from "../../http/schemas.ts";
import { PlatformServices } from "../../platform/services.ts";

const tag = "Storage";
const key = z.string().min(1).max(1_024);
const objectParams = z.object({ bucket: nameOrId, key });
const bytes = { type: "application/octet-stream", schema: z.string().openapi({ format: "binary" }) };

const conditional = { 412: "`If-Match` or `If-None-Match` is not fulfilled." };
const partial = {
  206: "The range that was asked for.",
  304: "As `If-None-Match` says.",
  ...conditional,
};

/** Of a request for an object: what its answer depends on, or what is stored with it. */
const passed = [
  "content-type",
  "content-length",
  "content-language",
  "content-disposition",
  "content-encoding",
  "cache-control",
  "range",
  "if-match",
  "if-none-match",
  "ow-custom-metadata",
];

/** What is told of an object. */
export const objectSchema = z
  .object({
    key: z.string(),
    size: z.number(),
    etag: z.string(),
    uploadedAt: z.string().openapi({ format: "date-time" }),
    httpMetadata: z.record(z.string(), z.unknown()),
    customMetadata: z.record(z.string(), z.string()),
  })
  .openapi("StoredObject");

const signedSchema = z.object({
  token: z.string(),
  expiresAt: z.iso.datetime().transform((text) => new Date(text)),
});

type ObjectCall = Call<z.output<typeof objectParams>, z.output<typeof accountQuery>, unknown>;

/** Objects' bytes, which the platform's services move; and links to them for whoever is given one. */
export function objectRoutes(routes: Routes): void {
  const own = {
    tag,
    path: "/storage/{bucket}/objects/{key}",
    params: objectParams,
    query: accountQuery,
  } as const;
  routes.add(
    {
      ...own,
      method: "get",
      summary: "Get an object",
      description:
        "`Range`, `If-Match` and `If-None-Match` are regarded; HEAD tells of it without its bytes.",
      answers: "*/*",
      further: partial,
    },
    (call) => ofBucket(call, "read"),
  );
  routes.add(
    {
      ...own,
      method: "put",
      summary: "Put an object: the body as it is, with its Content-Length",
      description:
        "`Content-Type`, `Cache-Control` and the like are kept with it, and a JSON object of texts in `Ow-Custom-Metadata`.",
      raw: bytes,
      result: objectSchema,
      further: conditional,
    },
    (call) => ofBucket(call, "write"),
  );
  routes.add({ ...own, method: "delete", summary: "Delete an object, if it is there" }, (call) =>
    ofBucket(call, "delete"),
  );

  routes.add(
    {
      method: "post",
      path: "/storage/{bucket}/signed",
      tag,
      summary: "Make a link with which anybody gets, or puts, one object until it expires",
      params: z.object({ bucket: nameOrId }),
      query: accountQuery,
      body: z.strictObject({
        key,
        method: z.enum(["GET", "PUT"]),
        expiresInSeconds: z.int().min(1).max(604_800).default(3_600),
      }),
      result: z.object({ url: z.string(), method: z.string(), expiresAt: time }).openapi("SignedLink"),
      status: 201,
    },
    async ({ params, query, body, together, platform, env }) => {
      const { id } = await together((scope) =>
        find<BucketId>(scope, "storage", {
          nameOrId: params.bucket,
          account: query.account,
          action: body.method === "GET" ? "read" : "write",
        }),
      );
      const { token, expiresAt } = await platform.json(signedSchema, `/buckets/${id}/signed`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { url: `${env.BASE_URL}/v1/signed/${token}`, method: body.method, expiresAt };
    },
  );

  const signed = {
    tag,
    path: "/signed/{token}",
    params: z.object({ token: z.string().min(1).max(4_096) }),
    open: true,
  } as const;
  const dead = { 401: "The link is not good, or not any more." };
  const byToken = async (call: Call<{ token: string }, unknown, unknown>) => {
    const path = `/signed/${encodeURIComponent(call.params.token)}`;
    try {
      return await pass(new PlatformServices(call.env.PLATFORM), path, call.request);
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
      throw new OpenWorkersError("NOT_FOUND", thrown.message, {
        hint: "Ask for a link to one that is there.",
      });
    }
  };
  routes.add(
    {
      ...signed,
      method: "get",
      summary: "Get the object of a link",
      answers: "*/*",
      further: { ...partial, ...dead },
    },
    byToken,
  );
  routes.add(
    {
      ...signed,
      method: "put",
      summary: "Put the object of a link",
      raw: bytes,
      result: objectSchema,
      further: { ...conditional, ...dead },
    },
    byToken,
  );
}

async function ofBucket(call: ObjectCall, action: "read" | "write" | "delete"): Promise<Response> {
  const { params, query, together, platform, request } = call;
  const { id } = await together((scope) =>
    find<BucketId>(scope, "storage", { nameOrId: params.bucket, account: query.account, action }),
  );
  try {
    return await pass(platform, `/buckets/${id}/objects/?key=${encodeURIComponent(params.key)}`, request);
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
    throw notFound(thrown.message, `/storage/${params.bucket}/objects`);
  }
}

/** Hands a request on to the platform's services, and its answer back, as they come. */
async function pass(platform: PlatformServices, path: string, request: Request): Promise<Response> {
  const headers = new Headers();
  for (const name of passed) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const { method, signal } = request;
  const body = method === "PUT" ? (request.body ?? new Uint8Array()) : null;
  const answer = await platform.ask(path, { method, headers, body, signal });
  return new Response(answer.body, answer);
}
