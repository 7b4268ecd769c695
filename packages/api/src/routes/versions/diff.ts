import type { EnvValue, VersionId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import { sql } from "kysely";
import type { z } from "zod";
import type { boundSchema, diffSchema } from "./schema.ts";

type Bound = z.input<typeof boundSchema>;

/** What two versions of a worker differ in. */
export async function diffOf(
  queries: Queries,
  from: { readonly id: VersionId; readonly number: number },
  to: { readonly id: VersionId; readonly number: number },
): Promise<z.input<typeof diffSchema>> {
  const [a, b] = [await partsOf(queries, from.id), await partsOf(queries, to.id)];
  return {
    from: from.number,
    to: to.number,
    modules: changes(a.modules, b.modules).map(([name, change]) => ({ name, ...change })),
    assets: changes(a.assets, b.assets).map(([path, change]) => ({ path, ...change })),
    vars: changes(a.vars, b.vars).map(([name, change]) => ({ name, ...change })),
    bindings: changes(a.bindings, b.bindings).map(([name, change]) => ({ name, ...change })),
    settings: changes(a.settings, b.settings).map(([name, change]) => ({ name, ...change })),
  };
}

interface Content {
  readonly hash: string;
  readonly bytes: number;
}

async function partsOf(queries: Queries, version: VersionId) {
  const modules = await queries
    .selectFrom("version_modules")
    .innerJoin("blobs", "blobs.hash", "version_modules.hash")
    .select(["name", "blobs.hash", "blobs.size as bytes"])
    .where("version_id", "=", version)
    .execute();
  const assets = await queries
    .selectFrom("version_assets")
    .select(["path", "hash", "size as bytes"])
    .where("version_id", "=", version)
    .execute();
  const { rows: bindings } = await sql<Bound & { resource: string | null; entrypoint: string | null }>`
    select binding.name, binding.kind, entrypoint,
      coalesce(kv_namespaces.name, storage_buckets.name, databases.name, queues.name, workers.name) as resource
    from version_bindings as binding
    left join kv_namespaces on kv_namespaces.id = kv_namespace_id
    left join storage_buckets on storage_buckets.id = bucket_id
    left join databases on databases.id = database_id
    left join queues on queues.id = binding.queue_id
    left join workers on workers.id = target_worker_id
    where version_id = ${version}`.execute(queries);
  const own = await queries
    .selectFrom("worker_versions")
    .select(["vars", "limits", "assets", "egress_allow", "compatibility_date", "compatibility_flags"])
    .where("id", "=", version)
    .executeTakeFirstOrThrow();
  return {
    modules: new Map<string, Content>(modules.map(({ name, hash, bytes }) => [name, { hash, bytes }])),
    assets: new Map<string, Content>(assets.map(({ path, hash, bytes }) => [path, { hash, bytes }])),
    vars: new Map<string, EnvValue>(Object.entries(own.vars)),
    bindings: new Map<string, Bound>(
      bindings.map(({ name, kind, resource, entrypoint }) => [
        name,
        {
          name,
          kind,
          ...(resource === null ? {} : { resource }),
          ...(entrypoint === null ? {} : { entrypoint }),
        },
      ]),
    ),
    settings: new Map<string, unknown>([
      ["compatibilityDate", own.compatibility_date],
      ["compatibilityFlags", own.compatibility_flags],
      ["limits", own.limits],
      ["egress", own.egress_allow],
      ["assets", own.assets],
    ]),
  };
}

/** What is not the same in both, by name. */
function changes<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): [string, { before: T | null; after: T | null }][] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [before.get(name) ?? null, after.get(name) ?? null];
    return JSON.stringify(was) === JSON.stringify(is)
      ? []
      : [[name, { before: was, after: is }] as const].map(
          ([key, change]): [string, { before: T | null; after: T | null }] => [key, change],
        );
  });
}
