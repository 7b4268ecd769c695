import { readFileSync } from "node:fs";

/**
 * What a database has beside D1's surface, as declarations: those of `@openworkers/worker-types`, which a project of
 * its own does not depend on.
 */
export function databaseTypes(): string[] {
  const file = new URL(import.meta.resolve("@openworkers/worker-types/index.d.ts"));
  // Without the reference to the runtime's types, which the written file has already.
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(2);
}
