import type { DatabaseId } from "@openworkers/core";

/** The lock of whoever makes or deletes a database, for `Database.exclusively`: 48 of the id's random bits. */
export function lockOf(id: DatabaseId): number {
  return Number.parseInt(id.replaceAll("-", "").slice(-12), 16);
}
