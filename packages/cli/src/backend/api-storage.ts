import { allOf, type components, once } from "@openworkers/client";
import { ApiObjects } from "./api-objects.ts";
import type { ApiScope } from "./api-scope.ts";
import { compact, dateOf } from "./api-values.ts";
import type { BucketAccess, BucketSummary, OwnS3 } from "./storage.ts";

/** Buckets, through the API. */
export class ApiStorage {
  readonly #scope: ApiScope;

  constructor(scope: ApiScope) {
    this.#scope = scope;
  }

  async buckets(): Promise<BucketSummary[]> {
    const { client, account } = this.#scope;
    const buckets = await allOf((page) =>
      client.data(client.api.GET("/v1/storage", { params: { query: { ...page, ...account } } })),
    );
    return buckets.map(toBucket);
  }

  async create(name: string, s3: OwnS3 | undefined): Promise<BucketSummary> {
    const { client, account: query } = this.#scope;
    const body = compact({ name, s3: s3 && { ...s3.place, ...s3.keys } });
    const params = { query, header: once() };
    return toBucket(await client.data(client.api.POST("/v1/storage", { params, body })));
  }

  async delete(bucket: string): Promise<void> {
    const { client, account: query } = this.#scope;
    await client.api.DELETE("/v1/storage/{bucket}", { params: { path: { bucket }, query } });
  }

  async open(bucket: string): Promise<BucketAccess> {
    const { client, account: query } = this.#scope;
    const params = { path: { bucket }, query };
    const found = await client.data(client.api.GET("/v1/storage/{bucket}", { params }));
    return { bucket: toBucket(found), store: new ApiObjects(client, found.id) };
  }
}

function toBucket({ id, name, account, createdAt, backend }: components["schemas"]["Bucket"]): BucketSummary {
  const summary = { id, name, owner: account, createdAt: dateOf(createdAt) };
  return backend === null ? summary : { ...summary, backend };
}
