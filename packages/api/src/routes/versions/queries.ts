import { OpenWorkersError, type VersionId, type WorkerId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import { sql } from "kysely";
import type { z } from "zod";
import { notFound } from "../../http/not-found.ts";
import type { sourceSchema, versionSchema } from "./schema.ts";

type Shown = z.input<typeof versionSchema>;

/** Versions of a worker, the newest first: those before `before`, one more than `limit`. */
export async function versionsBefore(
  queries: Queries,
  {
    worker,
    before,
    limit,
  }: { readonly worker: WorkerId; readonly before: number | undefined; readonly limit: number },
): Promise<Shown[]> {
  return select(queries, worker)
    .where(({ eb, lit }) => (before === undefined ? lit(true) : eb("version.number", "<", before)))
    .orderBy("version.number", "desc")
    .limit(limit + 1)
    .execute();
}

/** @throws OpenWorkersError NOT_FOUND */
export async function shownVersion(queries: Queries, worker: WorkerId, number: number): Promise<Shown> {
  const row = await select(queries, worker).where("version.number", "=", number).executeTakeFirst();
  if (row === undefined)
    throw notFound(`The worker has no version ${number}.`, `/workers/${worker}/versions`);
  return row;
}

/** What a version is made of. */
export async function sourceOf(queries: Queries, version: VersionId): Promise<z.input<typeof sourceSchema>> {
  const modules = await queries
    .selectFrom("version_modules")
    .innerJoin("blobs", "blobs.hash", "version_modules.hash")
    .select(["name", "type", "blobs.hash", "blobs.size as bytes"])
    .where("version_id", "=", version)
    .orderBy("position")
    .execute();
  const maps = await queries
    .selectFrom("version_source_maps")
    .select("module_name as name")
    .where("version_id", "=", version)
    .orderBy("module_name")
    .execute();
  const { assets } = await queries
    .selectFrom("version_assets")
    .select(({ fn }) => fn.countAll<number>().as("assets"))
    .where("version_id", "=", version)
    .executeTakeFirstOrThrow();
  return { modules, sourceMaps: maps.map(({ name }) => name), assets };
}

/** The content of a version's module. @throws OpenWorkersError NOT_FOUND */
export async function moduleContent(queries: Queries, version: VersionId, name: string): Promise<Uint8Array> {
  const row = await queries
    .selectFrom("version_modules")
    .innerJoin("blobs", "blobs.hash", "version_modules.hash")
    .select("content")
    .where("version_id", "=", version)
    .where("name", "=", name)
    .executeTakeFirst();
  if (row === undefined)
    throw new OpenWorkersError("NOT_FOUND", `The version has no module "${name}".`, {
      hint: "Its source names them: GET …/source",
    });
  return row.content;
}

/** The source map of a version's module. @throws OpenWorkersError NOT_FOUND */
export async function sourceMapContent(
  queries: Queries,
  version: VersionId,
  name: string,
): Promise<Uint8Array> {
  const row = await queries
    .selectFrom("version_source_maps")
    .innerJoin("blobs", "blobs.hash", "version_source_maps.hash")
    .select("content")
    .where("version_id", "=", version)
    .where("module_name", "=", name)
    .executeTakeFirst();
  if (row === undefined) {
    throw new OpenWorkersError("NOT_FOUND", `The version has no source map of a module "${name}".`, {
      hint: "Its source names those that have one: GET …/source",
    });
  }
  return row.content;
}

function select(queries: Queries, worker: WorkerId) {
  return queries
    .selectFrom("worker_versions as version")
    .leftJoin("users", "users.id", "version.created_by")
    .select([
      "version.id",
      "version.number",
      "version.message",
      "version.created_at as createdAt",
      "version.compatibility_date as compatibilityDate",
      "version.compatibility_flags as compatibilityFlags",
      "version.vars",
      "version.limits",
    ])
    .select([
      sql<string>`coalesce(users.name, 'somebody')`.as("createdBy"),
      sql<number>`coalesce((
        select sum(blobs.size) from version_modules join blobs using (hash) where version_id = version.id), 0)::float8`.as(
        "bytes",
      ),
      sql<number>`coalesce((
        select percent from deployment_versions where version_id = version.id and deployment_id = (
          select id from deployments where worker_id = version.worker_id order by sequence desc limit 1)), 0)`.as(
        "percent",
      ),
    ])
    .where("version.worker_id", "=", worker);
}
