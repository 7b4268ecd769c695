import { type BucketId, type ObjectStore, storageError } from "@openworkers/core";
import {
  type BucketPlace,
  bucketPlace,
  type Database,
  type DatabaseAccess,
  PostgresStore,
  type SecretKeys,
} from "@openworkers/db";
import { type JudgeEndpoint, S3Client, type S3Options } from "./s3/s3-client.ts";
import { S3Store } from "./s3/s3-store.ts";
import type { S3Settings } from "./settings.ts";

/** Where buckets may be, beside the database. */
export interface StorageServices {
  /** The platform's own; new buckets are there when it is given. */
  readonly s3?: S3Settings | undefined;
  /** Says where users' own servers may be. */
  readonly judge: JudgeEndpoint;
  /** Certificates (PEM) of those who vouch for S3 servers. */
  readonly authorities?: readonly string[];
  /** How long a server may do nothing; 30 s unless given. */
  readonly patienceMs?: number;
}

/** How long it takes until a bucket's deletion is noticed by whoever holds it bound. */
const knownForMs = 10_000;
const maxKnown = 10_000;

/** What makes a bucket's store, for whoever reads and writes through `database`. */
type StoreOf = (database: DatabaseAccess) => ObjectStore;

/** The store of each bucket, wherever it is. */
export class BucketStores {
  readonly #database: Database;
  readonly #secretKeys: Pick<SecretKeys, "open">;
  readonly #services: StorageServices | undefined;
  readonly #known = new Map<BucketId, { readonly store: Promise<StoreOf>; readonly until: number }>();
  /** By all that they are made of: one that is asked for again is the same. */
  readonly #clients = new Map<string, S3Client>();

  constructor(database: Database, secretKeys: Pick<SecretKeys, "open">, services?: StorageServices) {
    this.#database = database;
    this.#secretKeys = secretKeys;
    this.#services = services;
  }

  /**
   * @param database what the store uses for a bucket in the database
   * @throws the errors noSuchBucket, and unavailable when the bucket is on an S3 server that this process was not
   * told of; OpenWorkersError SECRET_UNREADABLE, DATABASE_UNAVAILABLE
   */
  async of(bucketId: BucketId, database: DatabaseAccess): Promise<ObjectStore> {
    return (await this.#storeOf(bucketId))(database);
  }

  #storeOf(bucketId: BucketId): Promise<StoreOf> {
    const known = this.#known.get(bucketId);
    if (known !== undefined && known.until > performance.now()) return known.store;
    const store = this.#find(bucketId);
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(bucketId, { store, until: performance.now() + knownForMs });
    store.catch(() => this.#known.delete(bucketId));
    return store;
  }

  async #find(bucketId: BucketId): Promise<StoreOf> {
    const found: BucketPlace = await bucketPlace(this.#database, bucketId, {
      newOnes: this.#services?.s3 === undefined ? "database" : "platform-s3",
      secretKeys: this.#secretKeys,
    });
    if (found.backend === "database") return (database) => new PostgresStore(database, bucketId);
    const { s3, judge, ...shared } = this.#services ?? {};
    if (found.backend !== "own-s3") {
      if (s3 === undefined) {
        throw storageError(
          "unavailable",
          "The bucket is on the platform's S3 server, which is not set up here.",
          {
            hint: "Set OW_S3_ENDPOINT and the other OW_S3_ variables as the platform was started with.",
          },
        );
      }
      const store = new S3Store(this.#client({ ...s3, ...shared }), `${bucketId}/`);
      return () => store;
    }
    if (judge === undefined)
      throw storageError("unavailable", "Users' own S3 servers are not available here.");
    const { prefix, ...place } = found.place;
    const store = new S3Store(this.#client({ ...place, ...found.keys, ...shared, judge }), prefix);
    return () => store;
  }

  #client(options: S3Options): S3Client {
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = options;
    const key = JSON.stringify([
      endpoint,
      bucket,
      region,
      accessKeyId,
      secretAccessKey,
      options.judge === undefined,
    ]);
    const client = this.#clients.get(key) ?? new S3Client(options);
    this.#clients.set(key, client);
    return client;
  }
}
