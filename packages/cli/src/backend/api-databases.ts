import { allOf, type components, once } from "@openworkers/client";
import { type DatabaseLimits, resolveDatabaseLimits } from "@openworkers/core";
import type { DatabaseDump, DatabaseToken } from "@openworkers/db";
import type { ApiScope } from "./api-scope.ts";
import { compact, dateOf, needsDirectAccess } from "./api-values.ts";
import type {
  CreateDatabase,
  CreateToken,
  DatabaseDetails,
  DatabaseSummary,
  DatabasesBackend,
} from "./databases.ts";

/** Tenant databases, through the API. */
export class ApiDatabases implements DatabasesBackend {
  readonly #scope: ApiScope;

  constructor(scope: ApiScope) {
    this.#scope = scope;
  }

  async list(): Promise<DatabaseSummary[]> {
    const { client, account } = this.#scope;
    const databases = await allOf((page) =>
      client.data(client.api.GET("/v1/databases", { params: { query: { ...page, ...account } } })),
    );
    return databases.map(toSummary);
  }

  async get(nameOrId: string): Promise<DatabaseDetails> {
    const { client } = this.#scope;
    const params = this.#params(nameOrId);
    const database = await client.data(client.api.GET("/v1/databases/{database}", { params }));
    const tokens = await allOf((page) =>
      client.data(
        client.api.GET("/v1/databases/{database}/tokens", {
          params: { path: { database: database.id }, query: page },
        }),
      ),
    );
    return { ...toSummary(database), tokens: tokens.map((token) => toToken(database.id, token)) };
  }

  async create({ name, limits, fork, url }: CreateDatabase) {
    const { client, account: query } = this.#scope;
    const body = compact({ name, limits, fork, url });
    const params = { query, header: once() };
    const made = await client.data(client.api.POST("/v1/databases", { params, body }));
    return { id: made.id, name: made.name };
  }

  async rename(nameOrId: string, name: string): Promise<void> {
    const params = this.#params(nameOrId);
    await this.#scope.client.api.PATCH("/v1/databases/{database}", { params, body: { name } });
  }

  async limit(nameOrId: string, limits: Partial<DatabaseLimits>): Promise<DatabaseLimits> {
    const { client } = this.#scope;
    resolveDatabaseLimits(limits);
    const params = this.#params(nameOrId);
    const answer = client.api.PATCH("/v1/databases/{database}", {
      params,
      body: { limits: compact(limits) },
    });
    return (await client.data(answer)).limits;
  }

  async delete(nameOrId: string, { keepDump }: { readonly keepDump: boolean }) {
    const { client } = this.#scope;
    const { path, query } = this.#params(nameOrId);
    const { id, name } = await client.data(
      client.api.GET("/v1/databases/{database}", { params: { path, query } }),
    );
    const said = { ...query, keepDump: keepDump ? ("true" as const) : ("false" as const) };
    await client.api.DELETE("/v1/databases/{database}", { params: { path: { database: id }, query: said } });
    return { id, name };
  }

  async deletion(id: string) {
    const { client } = this.#scope;
    const params = { path: { database: id } };
    const { done, failure } = await client.data(
      client.api.GET("/v1/databases/{database}/deletion", { params }),
    );
    return { done, failure };
  }

  async dumps(): Promise<DatabaseDump[]> {
    throw needsDirectAccess("Where dumps of deleted databases are");
  }

  async createToken(nameOrId: string, { name, scope, expiresAt }: CreateToken) {
    const { client } = this.#scope;
    const database = await client.data(
      client.api.GET("/v1/databases/{database}", { params: this.#params(nameOrId) }),
    );
    const made = await client.data(
      client.api.POST("/v1/databases/{database}/tokens", {
        params: { path: { database: database.id } },
        body: compact({ name, scope, expiresAt: expiresAt?.toISOString() }),
      }),
    );
    return { id: made.id, token: made.token, database: { id: database.id, name: database.name } };
  }

  async revokeToken(nameOrId: string, token: string): Promise<void> {
    const { path, query } = this.#params(nameOrId);
    await this.#scope.client.api.DELETE("/v1/databases/{database}/tokens/{token}", {
      params: { path: { ...path, token }, query },
    });
  }

  #params(database: string) {
    return { path: { database }, query: this.#scope.account };
  }
}

function toSummary(database: components["schemas"]["Database"]): DatabaseSummary {
  const { id, name, account, createdAt, kind, state, limits, sizeBytes, full } = database;
  const created = { owner: account, createdAt: dateOf(createdAt) };
  return { id, name, ...created, kind, state, deletionFailure: null, limits, sizeBytes, full };
}

function toToken(databaseId: string, token: components["schemas"]["DatabaseToken"]): DatabaseToken {
  return {
    ...token,
    id: token.id as DatabaseToken["id"],
    databaseId: databaseId as DatabaseToken["databaseId"],
    createdAt: dateOf(token.createdAt),
    expiresAt: token.expiresAt === null ? null : dateOf(token.expiresAt),
    lastUsedAt: token.lastUsedAt === null ? null : dateOf(token.lastUsedAt),
  };
}
