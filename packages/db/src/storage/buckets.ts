import { type BucketId, OpenWorkersError, seal, storageError, type UserId } from "@openworkers/core";
import { sql } from "kysely";
import { z } from "zod";
import type { StoreDatabase } from "../database.ts";
import type { SecretKeys } from "../secrets/secret-keys.ts";
import { ensureResource, getResource, type Resource } from "../stores/resources.ts";
import { lockActiveKey } from "../stores/sealing-keys.ts";
import { mustOwn } from "../stores/users.ts";
import type { S3Place, StorageBackend } from "../tables.ts";

const s3KeysSchema = z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) });

/** What a user's own S3 server knows them by. */
export type S3Keys = z.output<typeof s3KeysSchema>;

/** Where a bucket's objects are; on a server of the owner's, with the keys to it. */
export type BucketPlace =
  | { readonly backend: "database" | "platform-s3" }
  | { readonly backend: "own-s3"; readonly place: S3Place; readonly keys: S3Keys };

/**
 * Where a bucket's objects are. One that has never been used is given the backend that new ones are to have, for good.
 *
 * @throws the error noSuchBucket; OpenWorkersError SECRET_UNREADABLE when its keys cannot be opened
 */
export async function bucketPlace(
  database: StoreDatabase,
  bucketId: BucketId,
  {
    newOnes,
    secretKeys,
  }: { readonly newOnes: "database" | "platform-s3"; readonly secretKeys: Pick<SecretKeys, "open"> },
): Promise<BucketPlace> {
  const select = () =>
    database.read((queries) =>
      queries
        .selectFrom("storage_buckets")
        .select(["backend", "s3", "s3_sealed"])
        .where("id", "=", bucketId)
        .executeTakeFirst(),
    );
  let bucket = await select();
  if (bucket?.backend === null) {
    await database.write((transaction) =>
      transaction
        .updateTable("storage_buckets")
        // Of two runners that decide at once, the second finds it decided.
        .set({ backend: sql<StorageBackend>`coalesce(backend, ${newOnes})` })
        .where("id", "=", bucketId)
        .execute(),
    );
    bucket = await select();
  }
  if (bucket === undefined || bucket.backend === null) throw storageError("noSuchBucket");
  const { backend, s3, s3_sealed: sealed } = bucket;
  if (backend !== "own-s3") return { backend };
  if (s3 === null || sealed === null) throw new Error(`bucket ${bucketId} has no place`);
  const keys = s3KeysSchema.parse(JSON.parse(await secretKeys.open(sealed, { bucketId })));
  return { backend, place: s3, keys };
}

/**
 * Makes a bucket that is one on a user's own S3 server. Its keys are sealed as secrets are.
 *
 * @throws OpenWorkersError INVALID_NAME, CONFLICT, SECRET_UNREADABLE (the platform has no sealing key yet)
 */
export async function createS3Bucket(
  database: StoreDatabase,
  {
    name,
    by,
    owner = by,
    place,
    keys,
  }: {
    readonly name: string;
    readonly by: UserId;
    /** Whose it is; `by`'s unless given. */
    readonly owner?: UserId;
    readonly place: S3Place;
    readonly keys: S3Keys;
  },
): Promise<Resource<"storage">> {
  const nameOrId = await database.write(async (transaction) => {
    await mustOwn(transaction, by, owner, "The account");
    const { id, created } = await ensureResource(transaction, "storage", { name, owner, by });
    if (!created) throw new OpenWorkersError("CONFLICT", `There is a bucket "${name}" already.`);
    const key = await lockActiveKey(transaction);
    await transaction
      .updateTable("storage_buckets")
      .set({
        backend: "own-s3",
        s3: JSON.stringify(place),
        s3_sealed: await seal(key.publicKey, JSON.stringify(keys), { bucketId: id }),
        s3_key_id: key.id,
      })
      .where("id", "=", id)
      .execute();
    return id;
  });
  return getResource(database, "storage", { nameOrId, by });
}

/** Where the objects of each of these buckets are; those that have not been used yet are absent. */
export async function listBucketBackends(
  database: StoreDatabase,
  ids: readonly BucketId[],
): Promise<Map<BucketId, StorageBackend>> {
  if (ids.length === 0) return new Map();
  const rows = await database.read((queries) =>
    queries.selectFrom("storage_buckets").select(["id", "backend"]).where("id", "in", ids).execute(),
  );
  return new Map(rows.flatMap(({ id, backend }) => (backend === null ? [] : [[id, backend] as const])));
}
