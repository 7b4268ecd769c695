import type { UserId } from "@openworkers/core";
import {
  createResource,
  createS3Bucket,
  type Database,
  getResource,
  listBucketBackends,
  listResources,
  type Resource,
  type SecretKeys,
} from "@openworkers/db";
import type { BucketAccess, BucketSummary, OwnS3 } from "./storage.ts";

/** Buckets, through the database and whatever server their objects are on. */
export class SqlStorage {
  readonly #database: Database;
  readonly #secretKeys: () => Promise<SecretKeys>;

  /** @param secretKeys asked for when a bucket's keys have to be opened, which few have */
  constructor(database: Database, secretKeys: () => Promise<SecretKeys>) {
    this.#database = database;
    this.#secretKeys = secretKeys;
  }

  async buckets(): Promise<BucketSummary[]> {
    return await this.#summaries(await listResources(this.#database, "storage"));
  }

  async create(name: string, by: UserId, s3: OwnS3 | undefined): Promise<BucketSummary> {
    if (s3 !== undefined) {
      return { ...(await createS3Bucket(this.#database, { name, by, ...s3 })), backend: "own-s3" };
    }
    const nameOrId = await createResource(this.#database, "storage", { name, by });
    return await getResource(this.#database, "storage", { nameOrId, by });
  }

  async open(nameOrId: string, by: UserId): Promise<BucketAccess> {
    const resource = await getResource(this.#database, "storage", { nameOrId, by });
    const keys: Pick<SecretKeys, "open"> = {
      open: async (sealed, context) => (await this.#secretKeys()).open(sealed, context),
    };
    // The runner is much to load for those who do not want to know what is in a bucket.
    const { BucketStores, readSettings, storageServices } = await import("@openworkers/runner");
    const stores = new BucketStores(this.#database, keys, storageServices(readSettings(process.env)));
    const store = await stores.of(resource.id, this.#database);
    const [bucket] = await this.#summaries([resource]);
    return { bucket: bucket ?? resource, store };
  }

  async #summaries(resources: readonly Resource<"storage">[]): Promise<BucketSummary[]> {
    const backends = await listBucketBackends(
      this.#database,
      resources.map(({ id }) => id),
    );
    return resources.map((resource) => {
      const backend = backends.get(resource.id);
      return { ...resource, ...(backend === undefined ? {} : { backend }) };
    });
  }
}
