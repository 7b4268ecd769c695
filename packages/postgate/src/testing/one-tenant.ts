import type { Tenant, TenantDirectory } from "../tenant.ts";
import { newTenant } from "../tenants/testing/tenants.ts";

/** A directory in which there is one tenant, whose owner everybody is. */
export function oneTenant(known: Pick<Tenant, "place"> & Partial<Tenant>): TenantDirectory {
  const tenant: Tenant = { ...newTenant("alone"), ...known };
  return {
    tenant: async () => tenant,
    authenticate: async () => ({ tenant, scope: "owner", by: { kind: "platform" } }),
    onChange: () => ({ [Symbol.dispose]() {} }),
  };
}

/** Places for any number of sessions. */
export const placesForAll = { enter: async (): Promise<Disposable> => ({ [Symbol.dispose]() {} }) };
