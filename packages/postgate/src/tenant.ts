import {
  type DatabaseId,
  type DatabaseLimits,
  type DatabaseScope,
  type DatabaseTokenId,
  isId,
  type UserId,
} from "@openworkers/core";
import type { Address } from "@openworkers/db";

/** A tenant database, with all that it takes to open a session on it. Its passwords are for this process alone. */
export interface Tenant {
  readonly id: DatabaseId;
  readonly ownerId: UserId;
  /** What its owner calls it. */
  readonly name: string;
  readonly place: TenantPlace;
  readonly limits: DatabaseLimits;
  /** Whether it occupies more than its limit allows: then rows are read and deleted only. */
  readonly full: boolean;
}

/** A role for each scope, and one that reads and deletes only, for all who may write while the database is full. */
export const databaseRoles = ["owner", "read-write", "read-only", "reduce"] as const;
export type DatabaseRole = DatabaseScope | "reduce";

export type TenantPlace =
  /** A database of its own on the tenants' server, and a role of it for each scope. */
  | { readonly kind: "platform"; readonly passwords: Readonly<Record<DatabaseRole, string>> }
  /** A server of the owner's. Every scope is the one role that the owner gave. */
  | { readonly kind: "external"; readonly address: Address };

/** Whom a session belongs to: said in logs and in the audit. */
export interface Principal {
  readonly tenant: Tenant;
  readonly scope: DatabaseScope;
  /** A token, or a worker's binding. */
  readonly by:
    | { readonly kind: "token"; readonly id: DatabaseTokenId; readonly name: string }
    | { readonly kind: "worker"; readonly worker: string }
    | { readonly kind: "platform" };
}

/** Where tenants and their tokens are looked up: the platform's database, with a short memory. */
export interface TenantDirectory {
  /** @throws OpenWorkersError NOT_FOUND, DATABASE_UNAVAILABLE */
  tenant(id: DatabaseId): Promise<Tenant>;
  /**
   * Whose token it is.
   *
   * @throws OpenWorkersError UNAUTHORIZED (unknown, expired or revoked; it does not say which), DATABASE_UNAVAILABLE
   */
  authenticate(token: string): Promise<Principal>;
  /**
   * Called when a tenant is deleted, changed, or loses a token: whoever holds sessions looks again, and ends those
   * that are no longer allowed. Without an id: look at all.
   */
  onChange(handler: (id: DatabaseId | undefined) => void): Disposable;
}

/** How a tenant is called on its server. The database's name is its owner role's. */
export interface TenantNames {
  readonly database: string;
  readonly roles: Readonly<Record<DatabaseRole, string>>;
}

/** The names of a tenant's database and roles, which say nothing of whose they are. */
export function tenantNames(id: DatabaseId): TenantNames {
  const database = `ow_${id.replaceAll("-", "")}`;
  return {
    database,
    roles: {
      owner: database,
      "read-write": `${database}_rw`,
      "read-only": `${database}_ro`,
      reduce: `${database}_rd`,
    },
  };
}

const called = /^ow_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})(_rw|_ro|_rd)?$/;
const suffixes: Readonly<Record<string, DatabaseRole>> = {
  _rw: "read-write",
  _ro: "read-only",
  _rd: "reduce",
};

/** Whose database or role goes by `name` on the tenants' server; `undefined` when it is no tenant's. */
export function tenantOf(name: string): { readonly id: DatabaseId; readonly role: DatabaseRole } | undefined {
  const found = called.exec(name);
  const id = found?.slice(1, 6).join("-");
  if (!isId<"database">(id)) return undefined;
  return { id, role: suffixes[found?.[6] ?? ""] ?? "owner" };
}

/** Whether a session of `scope` may read and delete only, because the database is full. */
export function isReduced({ place, full }: Tenant, scope: DatabaseScope): boolean {
  return place.kind === "platform" && full && scope !== "read-only";
}

/** Where a session of `scope` connects, and as whom. `server` is the tenants' server; who logs in there does not count. */
export function backendAddress(server: Address, tenant: Tenant, scope: DatabaseScope): Address {
  const { id, place } = tenant;
  if (place.kind === "external") return place.address;
  const { database, roles } = tenantNames(id);
  const role = isReduced(tenant, scope) ? "reduce" : scope;
  return { ...server, database, user: roles[role], password: place.passwords[role] };
}
