import { type EnvironmentId, isOpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import {
  changeValues,
  createEnvironment,
  deleteEnvironment,
  deleteWorker,
  type NewValue,
} from "@openworkers/db/stores";
import type { Scope } from "../../http/call.ts";

/** The environment of a worker; undefined when it has none. */
export async function environmentOf(queries: Queries, worker: WorkerId): Promise<EnvironmentId | undefined> {
  const row = await queries
    .selectFrom("workers")
    .select("environment_id")
    .where("id", "=", worker)
    .executeTakeFirstOrThrow();
  return row.environment_id ?? undefined;
}

/** Deletes a worker, and its environment unless other workers use it. */
export async function deleteWithEnvironment(
  { database, queries, caller }: Scope,
  worker: { readonly id: WorkerId; readonly name: string },
): Promise<void> {
  const environmentId = await environmentOf(queries, worker.id);
  await deleteWorker(database, { worker: worker.name, by: caller });
  if (environmentId === undefined) return;
  try {
    await deleteEnvironment(database, { environmentId, by: caller });
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "CONFLICT", "NOT_FOUND")) throw thrown;
  }
}

/** Makes an environment for a worker that is not there yet, with its values; returns its name. */
export async function makeEnvironment(
  { database, caller }: Scope,
  {
    worker,
    owner,
    set,
  }: { readonly worker: string; readonly owner: UserId; readonly set: readonly NewValue[] },
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? worker : `${worker}-${attempt}`;
    let environmentId: EnvironmentId;
    try {
      environmentId = await createEnvironment(database, { name, by: caller, owner });
    } catch (thrown) {
      // One of that name, and for whatever purpose, is not this worker's to take.
      if (isOpenWorkersError(thrown, "CONFLICT") && attempt < 100) continue;
      throw thrown;
    }
    await changeValues(database, { environmentId, set, by: caller });
    return name;
  }
}
