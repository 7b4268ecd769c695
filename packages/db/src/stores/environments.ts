import { type EnvironmentId, newId, OpenWorkersError, type UserId } from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { audit } from "./audit.ts";
import { mustOwn } from "./users.ts";
import { lockOwnedWorker } from "./workers.ts";

export interface Environment {
  readonly id: EnvironmentId;
  readonly name: string;
  /** Name of the user it belongs to. */
  readonly owner: string;
  /** Grows with every change of a value; no two environments ever have the same. */
  readonly revision: number;
  /** Names of the workers that use it. */
  readonly workers: readonly string[];
}

const namePattern = /^[a-z0-9]([a-z0-9_-]{0,98}[a-z0-9])?$/;

/** Makes an environment of `owner`, who is `by` unless given. @throws OpenWorkersError INVALID_NAME, CONFLICT (they have one so named). */
export async function createEnvironment(
  database: StoreDatabase,
  { name, by, owner = by }: { name: string; by: UserId; owner?: UserId },
): Promise<EnvironmentId> {
  if (!namePattern.test(name)) {
    throw new OpenWorkersError("INVALID_NAME", `"${name}" cannot name an environment.`, {
      field: "name",
      hint: "Use 1 to 100 lower-case letters, digits, hyphens and underscores.",
    });
  }
  return database.write(async (transaction) => {
    await mustOwn(transaction, by, owner, "The account");
    const id = await insertEnvironment(transaction, owner, name);
    if (id === undefined)
      throw new OpenWorkersError("CONFLICT", `There is an environment "${name}" already.`);
    await audit(transaction, by, "environment.create", name, {}, owner);
    return id;
  });
}

/** All environments, or those of one user, by name. */
export async function listEnvironments(database: StoreDatabase, owner?: UserId): Promise<Environment[]> {
  return database.snapshot(async (queries) => {
    const environments = await queries
      .selectFrom("environments")
      .innerJoin("users", "users.id", "environments.owner_id")
      .select(["environments.id", "environments.name", "users.name as owner", "revision"])
      .where(({ eb, lit }) => (owner === undefined ? lit(true) : eb("owner_id", "=", owner)))
      .orderBy("environments.name")
      .execute();
    const workers = await queries
      .selectFrom("workers")
      .select(["name", "environment_id"])
      .where("environment_id", "is not", null)
      .orderBy("name")
      .execute();
    const users = Map.groupBy(workers, ({ environment_id }) => environment_id);
    return environments.map((environment) => ({
      ...environment,
      workers: (users.get(environment.id) ?? []).map(({ name }) => name),
    }));
  });
}

/** The id of the environment that `owner` calls `name`. @throws OpenWorkersError NOT_FOUND. */
export async function findEnvironment(
  database: StoreDatabase,
  { name, owner }: { name: string; owner: UserId },
): Promise<EnvironmentId> {
  return database.read((queries) => environmentFor(queries, owner, name));
}

/**
 * The environment of a worker. One that has none is given a new one with the worker's name.
 *
 * @throws OpenWorkersError NOT_FOUND (worker), FORBIDDEN.
 */
export async function ensureWorkerEnvironment(
  database: StoreDatabase,
  { worker, by }: { worker: string; by: UserId },
): Promise<EnvironmentId> {
  return database.write(async (transaction) => {
    const { id, owner_id } = await lockOwnedWorker(transaction, worker, by);
    const found = await transaction
      .selectFrom("workers")
      .select("environment_id")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    if (found.environment_id !== null) return found.environment_id;
    // The owner may have made one with that name before, for whatever purpose: theirs is not to be taken.
    let environmentId: EnvironmentId | undefined;
    for (let attempt = 1; environmentId === undefined; attempt++) {
      environmentId = await insertEnvironment(
        transaction,
        owner_id,
        attempt === 1 ? worker : `${worker}-${attempt}`,
      );
    }
    await transaction
      .updateTable("workers")
      .set({ environment_id: environmentId })
      .where("id", "=", id)
      .execute();
    await audit(transaction, by, "worker.environment", worker, { made: true });
    return environmentId;
  });
}

/**
 * Deletes an environment and its values.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, CONFLICT when workers use it.
 */
export async function deleteEnvironment(
  database: StoreDatabase,
  { environmentId, by }: { environmentId: EnvironmentId; by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { name, owner_id } = await lockOwnedEnvironment(transaction, environmentId, by, "delete");
    const workers = await transaction
      .selectFrom("workers")
      .select("name")
      .where("environment_id", "=", environmentId)
      .orderBy("name")
      .execute();
    if (workers.length > 0) {
      const names = workers.map((worker) => worker.name);
      throw new OpenWorkersError("CONFLICT", `The environment "${name}" is in use by ${names.join(", ")}.`, {
        hint: "Give those workers another environment first.",
        details: { workers: names },
      });
    }
    await transaction.deleteFrom("environments").where("id", "=", environmentId).execute();
    await audit(transaction, by, "environment.delete", name, {}, owner_id);
  });
}

/** The environment, locked until the transaction ends. @throws OpenWorkersError NOT_FOUND, FORBIDDEN. */
export async function lockOwnedEnvironment(
  transaction: Queries,
  id: EnvironmentId,
  by: UserId,
  action: "write" | "delete" = "write",
): Promise<{ name: string; owner_id: UserId }> {
  const environment = await transaction
    .selectFrom("environments")
    .select(["name", "owner_id"])
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  if (environment === undefined) throw new OpenWorkersError("NOT_FOUND", "There is no such environment.");
  await mustOwn(transaction, by, environment.owner_id, `Environment "${environment.name}"`, action);
  return environment;
}

/** The id of the environment that `owner` calls `name`. @throws OpenWorkersError NOT_FOUND. */
export async function environmentFor(queries: Queries, owner: UserId, name: string): Promise<EnvironmentId> {
  const environment = await queries
    .selectFrom("environments")
    .select("id")
    .where("owner_id", "=", owner)
    .where("name", "=", name)
    .executeTakeFirst();
  if (environment === undefined) {
    throw new OpenWorkersError("NOT_FOUND", `There is no environment "${name}".`, {
      hint: "List them: ow env",
    });
  }
  return environment.id;
}

async function insertEnvironment(
  transaction: Queries,
  owner: UserId,
  name: string,
): Promise<EnvironmentId | undefined> {
  const inserted = await transaction
    .insertInto("environments")
    .values({ id: newId<"environment">(), owner_id: owner, name })
    .onConflict((conflict) => conflict.columns(["owner_id", "name"]).doNothing())
    .returning("id")
    .executeTakeFirst();
  return inserted?.id;
}
