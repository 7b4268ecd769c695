import { isOpenWorkersError } from "@openworkers/core";
import type { PlatformContext } from "../commands/context.ts";
import type { DatabaseFaces } from "../profile/profile.ts";
import { withAccess } from "./access.ts";

/** Has a database made, by using it; the first query of a worker's would as well. */
export async function firstUse(context: PlatformContext, nameOrId: string): Promise<void> {
  await withAccess(context, nameOrId, { scope: "read-only", minutes: 5 }, ({ query }) =>
    query({ sql: "select 1" }),
  );
}

/** Whether something that serves tenant databases is known here. */
export function isServed({
  databaseFaces,
  queryDatabase,
}: Pick<PlatformContext, "databaseFaces" | "queryDatabase">): boolean {
  return queryDatabase !== undefined || knownFaces(databaseFaces) !== undefined;
}

/** Where tenant databases are reached, if that is known here. */
export function knownFaces(databaseFaces: () => DatabaseFaces): DatabaseFaces | undefined {
  try {
    return databaseFaces();
  } catch (thrown) {
    if (isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) return undefined;
    throw thrown;
  }
}
