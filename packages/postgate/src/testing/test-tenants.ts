import {
  type DatabaseId,
  type DatabaseLimits,
  type DatabaseScope,
  type DatabaseTokenId,
  newId,
  OpenWorkersError,
} from "@openworkers/core";
import type { Address } from "@openworkers/db";
import { Client } from "pg";
import type { Principal, Tenant, TenantDirectory } from "../tenant.ts";
import { sessionSettings } from "../tenants/session-settings.ts";
import { TenantServer } from "../tenants/tenant-server.ts";
import { makeTenant } from "../tenants/testing/tenants.ts";

/** Tenants on a real server, with real roles; what is kept in tables elsewhere is kept in maps. */
export class TestTenants implements TenantDirectory, AsyncDisposable {
  readonly server: Address;
  readonly #server: TenantServer;
  #prepared: Promise<unknown> | undefined;
  readonly #tenants = new Map<DatabaseId, Tenant>();
  readonly #tokens = new Map<string, Principal>();
  readonly #handlers = new Set<(id: DatabaseId | undefined) => void>();

  constructor(server: Address) {
    this.server = server;
    this.#server = new TenantServer(server);
  }

  /** Runs one statement as the superuser, in the tenant's database or the server's own. */
  async admin<Row extends object>(sql: string, database = this.server.database): Promise<Row[]> {
    const { host, port, user, password } = this.server;
    const client = new Client({ host, port, user, password, database });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Makes a tenant with its database and roles. */
  async make(name: string, limits: Partial<DatabaseLimits> = {}): Promise<Tenant> {
    this.#prepared ??= this.#server.prepare();
    await this.#prepared;
    const tenant = await makeTenant(this.#server, name, limits);
    this.#tenants.set(tenant.id, tenant);
    return tenant;
  }

  /** A token for the tenant. */
  token(tenant: Tenant, scope: DatabaseScope = "owner"): string {
    const token = `owd_${crypto.randomUUID()}`;
    const by = { kind: "token", id: newId<"database-token">() as DatabaseTokenId, name: "test" } as const;
    this.#tokens.set(token, { tenant, scope, by });
    return token;
  }

  /** Replaces what is known of a tenant, and tells of it. */
  change(tenant: Tenant): void {
    this.#tenants.set(tenant.id, tenant);
    for (const handler of this.#handlers) handler(tenant.id);
  }

  async tenant(id: DatabaseId): Promise<Tenant> {
    const tenant = this.#tenants.get(id);
    if (tenant === undefined) throw new OpenWorkersError("NOT_FOUND", "The database has been deleted.");
    return tenant;
  }

  async authenticate(token: string): Promise<Principal> {
    const principal = this.#tokens.get(token);
    if (principal === undefined)
      throw new OpenWorkersError("UNAUTHORIZED", "The token is not good for any database.");
    return principal;
  }

  onChange(handler: (id: DatabaseId | undefined) => void): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#tenants.keys()) await this.#server.drop(id);
    await this.#server[Symbol.asyncDispose]();
  }
}

/** The settings of sessions, but that a query whose caller is gone ends sooner. */
export function testSettings(tenant: Tenant, scope: DatabaseScope): Record<string, string> {
  return { ...sessionSettings(tenant, scope), client_connection_check_interval: "500ms" };
}
