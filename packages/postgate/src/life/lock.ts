import type { DatabaseId } from "@openworkers/core";

/**
 * The lock of whoever makes or deletes a database, for `Database.exclusively`: 48 of the id's random bits, and one that
 * keeps it apart from the lock that `TenantServer` takes meanwhile, which may be in the same database.
 */
export function lockOf(id: DatabaseId): number {
  return 2 ** 49 + Number.parseInt(id.replaceAll("-", "").slice(-12), 16);
}
