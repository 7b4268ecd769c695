import { isOpenWorkersError } from "@openworkers/core";
import type { PlatformContext } from "../commands/context.ts";
import { withAccess } from "./access.ts";

/** Has a database made, by using it; the first query of a worker's would as well. */
export async function firstUse(context: PlatformContext, nameOrId: string): Promise<void> {
  await withAccess(context, nameOrId, { scope: "read-only", minutes: 5 }, ({ query }) =>
    query({ sql: "select 1" }),
  );
}

/** Whether something that serves tenant databases is known here. */
export function isServed({ databaseFaces }: Pick<PlatformContext, "databaseFaces">): boolean {
  try {
    databaseFaces();
    return true;
  } catch (thrown) {
    if (isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) return false;
    throw thrown;
  }
}
