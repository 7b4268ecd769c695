import { z } from "@hono/zod-openapi";
import type { BucketId } from "@openworkers/core";
import { createS3Bucket } from "@openworkers/db/buckets";
import { createResource } from "@openworkers/db/stores";
import { find } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import { pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, nameOrId } from "../../http/schemas.ts";
import { changeRoute, resourceRoutes, resourceShape } from "../resources/resource-routes.ts";
import { objectRoutes, objectSchema } from "./objects.ts";

const tag = "Storage";
const name = z.string().min(1).max(63);

const placeShape = {
  endpoint: z.url({ protocol: /^https?$/ }).refine((text) => {
    const { search, hash, username, password } = URL.parse(text) ?? { search: "?" };
    return [search, hash, username, password].every((part) => part === "");
  }, "holds more than a host and a path"),
  bucket: z.string().min(1).max(255),
  region: z.string().min(1).max(64).default("auto"),
  prefix: z
    .string()
    .max(512)
    .regex(/^$|\/$/, "does not end in a slash")
    .default(""),
};

const bucketSchema = z
  .object({
    ...resourceShape,
    backend: z
      .enum(["database", "platform-s3", "own-s3"])
      .nullable()
      .openapi({ description: "Where its objects are; null before its first use." }),
    s3: z
      .object({ endpoint: z.string(), bucket: z.string(), region: z.string(), prefix: z.string() })
      .nullable()
      .openapi({ description: "The bucket on the owner's own server that it is." }),
  })
  .openapi("Bucket");

const newBucketSchema = z
  .strictObject({
    name,
    s3: z
      .strictObject({
        ...placeShape,
        accessKeyId: z.string().min(1).max(256),
        secretAccessKey: z.string().min(1).max(256),
      })
      .optional()
      .openapi({
        description:
          "Makes it a bucket on a server of the owner's. The keys are sealed, and never told again.",
      }),
  })
  .openapi("NewBucket");

const objectsSchema = z
  .object({ items: z.array(objectSchema), prefixes: z.array(z.string()), nextCursor: z.string().nullable() })
  .openapi("Objects");

export function storageRoutes(routes: Routes): void {
  const facts = {
    kind: "storage",
    resource: "storage",
    tag,
    path: "storage",
    param: "bucket",
    noun: "a bucket",
    plural: "buckets",
    shown: bucketSchema,
    created: newBucketSchema,
    show,
    create,
  } as const;
  resourceRoutes(routes, facts);
  changeRoute(routes, facts, z.strictObject({ name: name.optional() }));

  routes.add(
    {
      method: "get",
      path: "/storage/{bucket}/objects",
      tag,
      summary: "List a bucket's objects in the order of their keys",
      params: z.object({ bucket: nameOrId }),
      query: pageQuery
        .extend({ prefix: z.string().max(1_024).optional(), delimiter: z.string().max(64).optional() })
        .extend(accountQuery.shape),
      result: objectsSchema,
    },
    async ({ params, query, reading, platform }) => {
      const { account, ...asked } = query;
      const { id } = await reading((scope) =>
        find<BucketId>(scope, "storage", { nameOrId: params.bucket, account, action: "read" }),
      );
      const search = new URLSearchParams();
      for (const [key, value] of Object.entries(asked))
        if (value !== undefined) search.set(key, String(value));
      return platform.json(objectsSchema, `/buckets/${id}/objects?${search}`);
    },
  );
  objectRoutes(routes);
}

async function create(
  { database, caller }: Scope,
  { id: owner }: { readonly id: Scope["caller"] },
  { name: wanted, s3 }: z.output<typeof newBucketSchema>,
): Promise<string> {
  if (s3 === undefined) return createResource(database, "storage", { name: wanted, by: caller, owner });
  const { accessKeyId, secretAccessKey, ...place } = s3;
  const keys = { accessKeyId, secretAccessKey };
  return (await createS3Bucket(database, { name: wanted, by: caller, owner, place, keys })).id;
}

function show({ queries }: Scope, ids: readonly string[]) {
  return queries
    .selectFrom("storage_buckets")
    .innerJoin("users", "users.id", "owner_id")
    .select([
      "storage_buckets.id",
      "storage_buckets.name",
      "users.name as account",
      "storage_buckets.created_at as createdAt",
      "backend",
      "s3",
    ])
    .where("storage_buckets.id", "in", ids as BucketId[])
    .orderBy("storage_buckets.name")
    .execute();
}
