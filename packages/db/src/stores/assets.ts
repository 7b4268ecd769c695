import {
  type AssetFile,
  type AssetSettings,
  assetFileSchema,
  assetSettingsSchema,
  maxAssets,
  OpenWorkersError,
  type UserId,
  type VersionId,
} from "@openworkers/core";
import { sql } from "kysely";
import type { Queries, StoreDatabase } from "../database.ts";
import { anyOf, collectBlobs, heldBlobs, storeBlobs } from "./blobs.ts";

/** A version's static files, as a deploy hands them over. */
export interface DeployAssets {
  readonly settings: AssetSettings;
  /** Each path once. */
  readonly files: readonly AssetFile[];
}

/** A version's static files, as they were deployed. */
export interface StoredAssets {
  readonly settings: AssetSettings;
  readonly files: readonly AssetFile[];
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
}

/** Contents that were sent and never deployed are kept as long. */
const uploadHours = 24;
/** Rows of one statement: five parameters each, and it has room for 65,535. */
const rowsAtOnce = 5_000;

/**
 * Those of `hashes` that `by` must send before a deploy may refer to them: what neither they sent lately nor a
 * version that they deployed has, whoever else has it.
 */
export async function missingAssets(
  database: StoreDatabase,
  by: UserId,
  hashes: readonly string[],
): Promise<Set<string>> {
  return database.read((queries) => notTheirs(queries, by, hashes));
}

/**
 * Stores contents for a deploy of `by`, each under its hash; what nobody deploys within a day is removed again.
 *
 * @throws OpenWorkersError INVALID_INPUT when a content is not its hash's, DATABASE_UNAVAILABLE.
 */
export async function uploadAssets(
  database: StoreDatabase,
  by: UserId,
  contents: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  if (contents.size === 0) return;
  await database.write(async (transaction) => {
    await storeBlobs(transaction, contents);
    await transaction
      .insertInto("blob_uploads")
      .values([...contents.keys()].map((hash) => ({ user_id: by, hash })))
      .onConflict((conflict) =>
        conflict.columns(["user_id", "hash"]).doUpdateSet({ uploaded_at: new Date() }),
      )
      .execute();
  });
}

/** Forgets what was sent more than a day ago; returns how many bytes that freed. */
export async function sweepUploads(database: StoreDatabase): Promise<number> {
  return database.write(async (transaction) => {
    const forgotten = await transaction
      .deleteFrom("blob_uploads")
      .where("uploaded_at", "<", sql<Date>`now() - make_interval(hours => ${uploadHours})`)
      .returning("hash")
      .execute();
    if (forgotten.length === 0) return 0;
    const hashes = [...new Set(forgotten.map(({ hash }) => hash))];
    return collectBlobs(transaction, await heldBlobs(transaction, hashes));
  });
}

/**
 * Part of a deploy's transaction, in which the version was made.
 *
 * @throws OpenWorkersError INVALID_INPUT, CONFLICT (`details.missing`: contents that were not sent)
 */
export async function insertVersionAssets(
  transaction: Queries,
  versionId: VersionId,
  assets: DeployAssets,
  by: UserId,
): Promise<void> {
  checkAssets(assets);
  const { files } = assets;
  const hashes = [...new Set(files.map(({ hash }) => hash))];
  const missing = await notTheirs(transaction, by, hashes);
  if (missing.size > 0) {
    throw new OpenWorkersError("CONFLICT", `The contents of ${missing.size} files were not sent.`, {
      hint: "Deploy again: what is missing is sent then.",
      details: { missing: [...missing].slice(0, 100) },
    });
  }
  for (let from = 0; from < files.length; from += rowsAtOnce) {
    await transaction
      .insertInto("version_assets")
      .values(
        files.slice(from, from + rowsAtOnce).map(({ path, hash, size, contentType }) => ({
          version_id: versionId,
          path,
          hash,
          size,
          content_type: contentType,
        })),
      )
      .execute();
  }
  // From now on it is the version that keeps them.
  await transaction
    .deleteFrom("blob_uploads")
    .where("user_id", "=", by)
    .where("hash", "=", anyOf(hashes))
    .execute();
}

/** Part of a deploy's transaction: the files of a version of the same worker, whoever has sent them. */
export async function copyVersionAssets(transaction: Queries, from: VersionId, to: VersionId): Promise<void> {
  await transaction
    .insertInto("version_assets")
    .columns(["version_id", "path", "hash", "size", "content_type"])
    .expression((select) =>
      select
        .selectFrom("version_assets")
        .select([sql<VersionId>`${to}::uuid`.as("version_id"), "path", "hash", "size", "content_type"])
        .where("version_id", "=", from),
    )
    .execute();
}

/** The static files of a version; undefined when it has none, or is gone. @throws OpenWorkersError DATABASE_UNAVAILABLE. */
export async function loadAssets(
  database: StoreDatabase,
  versionId: VersionId,
): Promise<StoredAssets | undefined> {
  return database.snapshot(async (queries) => {
    const version = await queries
      .selectFrom("worker_versions")
      .select([
        "assets",
        "compatibility_date as compatibilityDate",
        "compatibility_flags as compatibilityFlags",
      ])
      .where("id", "=", versionId)
      .executeTakeFirst();
    if (version === undefined || version.assets === null) return undefined;
    const { assets, compatibilityDate, compatibilityFlags } = version;
    const files = await queries
      .selectFrom("version_assets")
      .select(["path", "hash", "size", "content_type as contentType"])
      .where("version_id", "=", versionId)
      .orderBy("path")
      .execute();
    return { settings: assetSettingsSchema.parse(assets), files, compatibilityDate, compatibilityFlags };
  });
}

/** `length` bytes of a content from `offset` on, fewer at its end. @throws OpenWorkersError NOT_FOUND, DATABASE_UNAVAILABLE. */
export async function readBlob(
  database: StoreDatabase,
  hash: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const row = await database.read((queries) =>
    queries
      .selectFrom("blobs")
      .select(sql<Uint8Array>`substring(content from ${offset + 1}::int for ${length}::int)`.as("bytes"))
      .where("hash", "=", hash)
      .executeTakeFirst(),
  );
  if (row === undefined) throw new OpenWorkersError("NOT_FOUND", `The content ${hash} is gone.`);
  return row.bytes;
}

async function notTheirs(queries: Queries, by: UserId, hashes: readonly string[]): Promise<Set<string>> {
  const missing = new Set(hashes);
  if (missing.size === 0) return missing;
  const theirs = await queries
    .selectFrom("blob_uploads")
    .select("hash")
    .where("user_id", "=", by)
    .where("hash", "=", anyOf(hashes))
    .union(
      queries
        .selectFrom("version_assets")
        .innerJoin("worker_versions", "worker_versions.id", "version_assets.version_id")
        .select("version_assets.hash")
        .where("worker_versions.created_by", "=", by)
        .where("version_assets.hash", "=", anyOf(hashes)),
    )
    .execute();
  for (const { hash } of theirs) missing.delete(hash);
  return missing;
}

function checkAssets({ settings, files }: DeployAssets): void {
  if (files.length > maxAssets) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `There are ${files.length} static files; a version may have ${maxAssets}.`,
      { field: "assets.files" },
    );
  }
  const checked = assetSettingsSchema.safeParse(settings);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new OpenWorkersError("INVALID_INPUT", `assets.${issue?.path.join(".")}: ${issue?.message}.`, {
      field: ["assets", "settings", ...(issue?.path ?? [])].join("."),
    });
  }
  const paths = new Set<string>();
  for (const file of files) {
    if (!assetFileSchema.safeParse(file).success || paths.has(file.path)) {
      throw new OpenWorkersError("INVALID_INPUT", `"${file.path}" cannot be a static file.`, {
        field: "assets.files",
      });
    }
    paths.add(file.path);
  }
}
