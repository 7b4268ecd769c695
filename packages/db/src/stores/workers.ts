import {
  type Limits,
  OpenWorkersError,
  parseWorkerName,
  resolveLimits,
  type UserId,
  type WorkerId,
} from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { errorCode } from "../faults.ts";
import { audit } from "./audit.ts";
import { collectBlobs, heldBlobs } from "./blobs.ts";
import { environmentFor } from "./environments.ts";
import { resourceUsers } from "./resource-users.ts";
import { mustOwn } from "./users.ts";

export interface Worker {
  readonly id: WorkerId;
  readonly name: string;
  /** Name of the user it belongs to. */
  readonly owner: string;
  /** Name of its environment. */
  readonly environment: string | null;
  /** What it wants to differ from the platform's defaults; a version's manifest goes before it. */
  readonly limits: Partial<Limits>;
  /** Number of the newest version; 0 when there is none. It need not be live. */
  readonly lastVersion: number;
  readonly createdAt: Date;
}

/** All workers, or those of one user, by name. */
export async function listWorkers(database: StoreDatabase, owner?: UserId): Promise<Worker[]> {
  return database.read((queries) =>
    selectWorkers(queries)
      .where(({ eb, lit }) => (owner === undefined ? lit(true) : eb("workers.owner_id", "=", owner)))
      .orderBy("workers.name")
      .execute(),
  );
}

/** @throws OpenWorkersError NOT_FOUND, DATABASE_UNAVAILABLE. */
export async function getWorker(database: StoreDatabase, name: string): Promise<Worker> {
  const worker = await database.read((queries) =>
    selectWorkers(queries).where("workers.name", "=", name).executeTakeFirst(),
  );
  if (worker === undefined) throw notFound(name);
  return worker;
}

/** Whose a worker is. @throws OpenWorkersError NOT_FOUND when it was deleted. */
export async function workerOwner(database: StoreDatabase, id: WorkerId): Promise<UserId> {
  const worker = await database.read((queries) =>
    queries.selectFrom("workers").select("owner_id").where("id", "=", id).executeTakeFirst(),
  );
  if (worker === undefined) throw new OpenWorkersError("NOT_FOUND", "The worker was deleted.");
  return worker.owner_id;
}

/**
 * Gives a worker another name; its old host name then leads nowhere.
 *
 * @throws OpenWorkersError INVALID_NAME, NOT_FOUND, FORBIDDEN, CONFLICT when the name is taken.
 */
export async function renameWorker(
  database: StoreDatabase,
  { worker, name, by }: { worker: string; name: string; by: UserId },
): Promise<void> {
  const wanted = parseWorkerName(name);
  await database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by);
    try {
      await transaction.updateTable("workers").set({ name: wanted }).where("id", "=", id).execute();
    } catch (thrown) {
      if (errorCode(thrown) !== "23505") throw thrown;
      throw new OpenWorkersError("CONFLICT", `There is a worker "${wanted}" already.`, { cause: thrown });
    }
    await audit(transaction, by, "worker.rename", worker, { name: wanted });
  });
}

/**
 * Changes what a worker wants to differ from the platform's defaults; `null` returns to the default.
 *
 * @throws OpenWorkersError INVALID_LIMIT, NOT_FOUND, FORBIDDEN.
 */
export async function setWorkerLimits(
  database: StoreDatabase,
  change: {
    worker: string;
    limits: Partial<Record<keyof Limits, number | null>>;
    by: UserId;
    maxima?: Limits;
  },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id, limits } = await lockOwnedWorker(transaction, change.worker, change.by);
    const merged = Object.fromEntries(
      Object.entries({ ...limits, ...change.limits }).filter(([, value]) => value !== null),
    );
    resolveLimits(merged, change.maxima);
    await transaction.updateTable("workers").set({ limits: merged }).where("id", "=", id).execute();
    await audit(transaction, change.by, "worker.limits", change.worker, { limits: merged });
  });
}

/**
 * Keeps a worker's logs for so many days beside today; `null` for as long as the platform keeps logs, which is the most.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, INVALID_INPUT
 */
export async function setLogRetention(
  database: StoreDatabase,
  { worker, days, by }: { worker: string; days: number | null; by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by);
    await transaction.updateTable("workers").set({ log_retention_days: days }).where("id", "=", id).execute();
    await audit(transaction, by, "worker.log_retention", worker, { days });
  });
}

/**
 * Gives a worker an environment of its owner, or none.
 *
 * @throws OpenWorkersError NOT_FOUND (worker or environment), FORBIDDEN.
 */
export async function setWorkerEnvironment(
  database: StoreDatabase,
  { worker, environment, by }: { worker: string; environment: string | null; by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id, owner_id } = await lockOwnedWorker(transaction, worker, by);
    const environmentId =
      environment === null ? null : await environmentFor(transaction, owner_id, environment);
    await transaction
      .updateTable("workers")
      .set({ environment_id: environmentId })
      .where("id", "=", id)
      .execute();
    await audit(transaction, by, "worker.environment", worker, { environment });
  });
}

/**
 * Deletes a worker with its versions, deployments, domains and routes, and the code and files that no other
 * worker shares. Its environment stays.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, CONFLICT (other workers are bound to it), DATABASE_UNAVAILABLE.
 */
export async function deleteWorker(
  database: StoreDatabase,
  { worker, by }: { worker: string; by: UserId },
): Promise<{ freedBytes: number }> {
  return database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by, "delete");
    const users = (await resourceUsers(transaction, "worker", id)).filter((user) => user.worker !== worker);
    if (users.length > 0) {
      const named = users.map((user) => `${user.worker} (${user.binding})`).join(", ");
      throw new OpenWorkersError("CONFLICT", `Worker "${worker}" is bound by ${named}.`, {
        hint: "Deploy these without the binding first, or delete them.",
        details: { users },
      });
    }
    const versions = transaction.selectFrom("worker_versions").select("id").where("worker_id", "=", id);
    const used = await transaction
      .selectFrom("version_modules")
      .select("hash")
      .where("version_id", "in", versions)
      .union(transaction.selectFrom("version_source_maps").select("hash").where("version_id", "in", versions))
      .union(transaction.selectFrom("version_assets").select("hash").where("version_id", "in", versions))
      .execute();
    const held = await heldBlobs(
      transaction,
      used.map(({ hash }) => hash),
    );
    await transaction.deleteFrom("workers").where("id", "=", id).execute();
    const freedBytes = await collectBlobs(transaction, held);
    await audit(transaction, by, "worker.delete", worker, { freedBytes });
    return { freedBytes };
  });
}

interface LockedWorker {
  readonly id: WorkerId;
  readonly owner_id: UserId;
  readonly limits: Partial<Limits>;
}

/**
 * The worker, locked until the transaction ends.
 *
 * @throws OpenWorkersError NOT_FOUND, or FORBIDDEN when it is not `by`'s to change, or to delete.
 */
export async function lockOwnedWorker(
  transaction: Queries,
  name: string,
  by: UserId,
  action: "write" | "delete" = "write",
): Promise<LockedWorker> {
  const worker = await transaction
    .selectFrom("workers")
    .select(["id", "owner_id", "limits"])
    .where("name", "=", name)
    .forUpdate()
    .executeTakeFirst();
  if (worker === undefined) throw notFound(name);
  await mustOwn(transaction, by, worker.owner_id, `Worker "${name}"`, action);
  return worker;
}

/** @throws OpenWorkersError NOT_FOUND */
export async function workerNamed(queries: Queries, name: string): Promise<WorkerId> {
  const worker = await queries.selectFrom("workers").select("id").where("name", "=", name).executeTakeFirst();
  if (worker === undefined) throw notFound(name);
  return worker.id;
}

function selectWorkers(queries: Queries) {
  return queries
    .selectFrom("workers")
    .innerJoin("users", "users.id", "workers.owner_id")
    .leftJoin("environments", "environments.id", "workers.environment_id")
    .select([
      "workers.id",
      "workers.name",
      "users.name as owner",
      "environments.name as environment",
      "workers.limits",
      "workers.last_version as lastVersion",
      "workers.created_at as createdAt",
    ]);
}

function notFound(name: string): OpenWorkersError {
  return new OpenWorkersError("NOT_FOUND", `There is no worker "${name}".`, {
    hint: "List them: ow workers",
  });
}
