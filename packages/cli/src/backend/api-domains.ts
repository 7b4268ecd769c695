import { allOf, type components, once } from "@openworkers/client";
import type { ApiScope } from "./api-scope.ts";
import { needsDirectAccess } from "./api-values.ts";
import type { DomainSummary } from "./backend.ts";

/** Domains and routes of workers, through the API. */
export class ApiDomains {
  readonly #scope: ApiScope;

  constructor(scope: ApiScope) {
    this.#scope = scope;
  }

  async list(worker: string | undefined): Promise<DomainSummary[]> {
    const { client, account } = this.#scope;
    const domains = await allOf((page) =>
      worker === undefined
        ? client.data(client.api.GET("/v1/domains", { params: { query: { ...page, ...account } } }))
        : client.data(
            client.api.GET("/v1/workers/{worker}/domains", { params: { path: { worker }, query: page } }),
          ),
    );
    return domains.map(toDomain);
  }

  async add(worker: string, hostname: string): Promise<DomainSummary> {
    const { client } = this.#scope;
    const params = { path: { worker }, header: once() };
    return toDomain(
      await client.data(client.api.POST("/v1/workers/{worker}/domains", { params, body: { hostname } })),
    );
  }

  async verify(hostname: string, { trust }: { readonly trust: boolean }): Promise<DomainSummary> {
    const { client } = this.#scope;
    if (trust) throw needsDirectAccess("Taking a domain on trust");
    const params = { path: { hostname } };
    return toDomain(await client.data(client.api.POST("/v1/domains/{hostname}/verify", { params })));
  }

  async remove(hostname: string): Promise<void> {
    await this.#scope.client.api.DELETE("/v1/domains/{hostname}", { params: { path: { hostname } } });
  }

  async routes(worker: string): Promise<string[]> {
    const { client } = this.#scope;
    const params = { path: { worker } };
    return (await client.data(client.api.GET("/v1/workers/{worker}/routes", { params }))).patterns;
  }
}

function toDomain({
  hostname,
  worker,
  verifiedAt,
  verification,
}: components["schemas"]["Domain"]): DomainSummary {
  return { hostname, worker, verified: verifiedAt !== null, token: verification.value };
}
