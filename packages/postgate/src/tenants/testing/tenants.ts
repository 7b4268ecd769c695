import { type DatabaseLimits, type DatabaseScope, defaultDatabaseLimits, newId } from "@openworkers/core";
import { Client, DatabaseError } from "pg";
import { backendAddress, type Tenant } from "../../tenant.ts";
import { newPasswords } from "../roles.ts";
import { sessionSettings, startupOptions } from "../session-settings.ts";
import type { TenantServer } from "../tenant-server.ts";

/** A tenant as the directory would give it; `makeTenant` makes it on the server, too. */
export function newTenant(name: string, limits: Partial<DatabaseLimits> = {}): PlatformTenant {
  return {
    id: newId(),
    ownerId: newId(),
    name,
    place: { kind: "platform", passwords: newPasswords() },
    limits: { ...defaultDatabaseLimits, ...limits },
    full: false,
  };
}

export type PlatformTenant = Tenant & { readonly place: { readonly kind: "platform" } };

export async function makeTenant(
  server: TenantServer,
  name: string,
  limits: Partial<DatabaseLimits> = {},
): Promise<PlatformTenant> {
  const tenant = newTenant(name, limits);
  await server.make(tenant.id, tenant.place.passwords, tenant.limits);
  return tenant;
}

export type Session = Client & AsyncDisposable;

/** A session as Postgate opens it for a tenant. Nothing that it does has a limit but the server's. */
export async function openSession(
  server: TenantServer,
  tenant: Tenant,
  scope: DatabaseScope = "owner",
): Promise<Session> {
  const { host, port, database, user, password } = backendAddress(server.address, tenant, scope);
  const options = startupOptions(sessionSettings(tenant, scope));
  const client = new Client({ host, port, database, user, password, options, application_name: tenant.name });
  // The server may end it: whoever waits for an answer is told.
  client.on("error", () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

/** The rows of the last statement as text, or the SQLSTATE it was refused with. */
export async function outcome(session: Client, statements: string): Promise<string> {
  try {
    const results = await session.query<unknown[]>({ text: statements, rowMode: "array" });
    const last = Array.isArray(results) ? results.at(-1) : results;
    return JSON.stringify(last.rows);
  } catch (thrown) {
    return errorCode(thrown);
  }
}

/** The SQLSTATE of what was thrown. */
export function errorCode(thrown: unknown): string {
  if (thrown instanceof DatabaseError && thrown.code !== undefined) return thrown.code;
  throw thrown;
}
