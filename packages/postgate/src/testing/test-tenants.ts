import {
  type DatabaseId,
  type DatabaseLimits,
  type DatabaseScope,
  type DatabaseTokenId,
  newId,
  OpenWorkersError,
  resolveDatabaseLimits,
  type UserId,
} from "@openworkers/core";
import type { Address } from "@openworkers/db";
import { Client } from "pg";
import {
  type DatabaseRole,
  type Principal,
  type Tenant,
  type TenantDirectory,
  tenantNames,
} from "../tenant.ts";

/** Tenants on a real server, with real roles; what is kept in tables elsewhere is kept in maps. */
export class TestTenants implements TenantDirectory, AsyncDisposable {
  readonly server: Address;
  readonly #tenants = new Map<DatabaseId, Tenant>();
  readonly #tokens = new Map<string, Principal>();
  readonly #handlers = new Set<(id: DatabaseId | undefined) => void>();

  constructor(server: Address) {
    this.server = server;
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

  async make(name: string, limits: Partial<DatabaseLimits> = {}): Promise<Tenant> {
    const id = newId<"database">();
    const { database, roles } = tenantNames(id);
    const passwords: Record<DatabaseRole, string> = {
      owner: "o",
      "read-write": "w",
      "read-only": "r",
      reduce: "d",
    };
    const resolved = resolveDatabaseLimits(limits);
    const tenant: Tenant = {
      id,
      ownerId: newId<"user">() as UserId,
      name,
      place: { kind: "platform", passwords },
      limits: resolved,
      full: false,
    };
    const rolesToMake = Object.entries(roles).map(
      ([role, name]) =>
        `create role ${name} login password '${passwords[role as DatabaseRole]}' connection limit ${resolved.connections}`,
    );
    await this.admin(rolesToMake.join(";"));
    await this.admin(`create database ${database} owner ${roles.owner}`);
    this.#tenants.set(id, tenant);
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
    for (const { id } of this.#tenants.values()) {
      const { database, roles } = tenantNames(id);
      await this.admin(`drop database if exists ${database} with (force)`);
      for (const role of Object.values(roles)) await this.admin(`drop role if exists ${role}`);
    }
  }
}

/** The settings that make a value's text independent of the server's, and a statement's time limit. */
export function testSettings({ limits }: Tenant): Record<string, string> {
  return {
    statement_timeout: `${limits.statementMs}ms`,
    DateStyle: "ISO, MDY",
    IntervalStyle: "postgres",
    TimeZone: "UTC",
    bytea_output: "hex",
    extra_float_digits: "1",
    client_connection_check_interval: "500ms",
  };
}
