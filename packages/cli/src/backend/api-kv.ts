import { allOf, type components, itemsOf, once } from "@openworkers/client";
import { checkKvKey, checkKvMetadata, checkKvPrefix, isOpenWorkersError } from "@openworkers/core";
import type { ApiScope } from "./api-scope.ts";
import { compact, dateOf, streamOf } from "./api-values.ts";
import type { KvKeySummary, KvNamespaceAccess, KvPutOptions, NamespaceSummary } from "./kv.ts";

/** KV namespaces, through the API. */
export class ApiKvNamespaces {
  readonly #scope: ApiScope;

  constructor(scope: ApiScope) {
    this.#scope = scope;
  }

  async list(): Promise<NamespaceSummary[]> {
    const { client, account } = this.#scope;
    const list = await allOf((page) =>
      client.data(client.api.GET("/v1/kv", { params: { query: { ...page, ...account } } })),
    );
    return list.map(toNamespace);
  }

  async create(name: string): Promise<NamespaceSummary> {
    const { client, account: query } = this.#scope;
    const params = { query, header: once() };
    return toNamespace(await client.data(client.api.POST("/v1/kv", { params, body: { name } })));
  }

  async delete(namespace: string): Promise<void> {
    const { client, account: query } = this.#scope;
    await client.api.DELETE("/v1/kv/{namespace}", { params: { path: { namespace }, query } });
  }

  async open(namespace: string): Promise<KvNamespaceAccess> {
    const { client, account: query } = this.#scope;
    const found = await client.data(
      client.api.GET("/v1/kv/{namespace}", { params: { path: { namespace }, query } }),
    );
    return new ApiKv(this.#scope, toNamespace(found));
  }
}

/** A namespace's entries, through the API. */
class ApiKv implements KvNamespaceAccess {
  readonly namespace: NamespaceSummary;
  readonly #scope: ApiScope;

  constructor(scope: ApiScope, namespace: NamespaceSummary) {
    this.#scope = scope;
    this.namespace = namespace;
  }

  async get(key: string) {
    try {
      const { body, headers } = await this.#scope.client.fetch(this.#path(key));
      return { ...told(key, headers), value: body ?? nothing() };
    } catch (thrown) {
      if (isOpenWorkersError(thrown, "NOT_FOUND")) return undefined;
      throw thrown;
    }
  }

  async put(key: string, value: AsyncIterable<Uint8Array>, options: KvPutOptions = {}): Promise<void> {
    const { expirationTtl, expiration, metadata } = options;
    const said = compact({
      expirationTtl: expirationTtl === undefined ? undefined : String(expirationTtl),
      expiration: expiration === undefined ? undefined : String(expiration),
      metadata: metadata === undefined ? undefined : checkKvMetadata(JSON.stringify(metadata)),
    });
    await this.#scope.client.fetch(`${this.#path(key)}?${new URLSearchParams(said)}`, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: streamOf(value),
    });
  }

  async delete(key: string): Promise<void> {
    await this.#scope.client.fetch(this.#path(key), { method: "DELETE" });
  }

  async *list(prefix: string): AsyncGenerator<KvKeySummary> {
    checkKvPrefix(prefix);
    const { client } = this.#scope;
    const path = { namespace: this.namespace.id };
    yield* itemsOf((page) =>
      client.data(
        client.api.GET("/v1/kv/{namespace}/keys", { params: { path, query: { ...page, prefix } } }),
      ),
    );
  }

  #path(key: string): string {
    checkKvKey(key);
    return `/v1/kv/${this.namespace.id}/values/${encodeURIComponent(key)}`;
  }
}

function toNamespace({
  id,
  name,
  account,
  createdAt,
}: components["schemas"]["KvNamespace"]): NamespaceSummary {
  return { id, name, owner: account, createdAt: dateOf(createdAt) };
}

function told(name: string, headers: Headers): KvKeySummary {
  const expiration = headers.get("ow-kv-expiration");
  const metadata = headers.get("ow-kv-metadata");
  return {
    name,
    ...(expiration === null ? {} : { expiration: Number(expiration) }),
    ...(metadata === null ? {} : { metadata: JSON.parse(decodeURIComponent(metadata)) as unknown }),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
