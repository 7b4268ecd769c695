import { newId, OpenWorkersError, type UserId, type VersionId, type WorkerId } from "@openworkers/core";
import { sql } from "kysely";
import type { StoreDatabase } from "../database.ts";
import { audit } from "./audit.ts";
import { type Deployed, type DeployInput, deployVersion } from "./deploy-version.ts";

/** Whose the platform's own workers are. It cannot sign in, and is no operator. */
export const systemUserName = "openworkers";

/**
 * The user whose the platform's own workers are; made when it is not there.
 *
 * @throws OpenWorkersError CONFLICT when somebody else has its name
 */
export async function ensureSystemUser(database: StoreDatabase): Promise<UserId> {
  return database.write(async (transaction) => {
    const made = await transaction
      .insertInto("users")
      .values({ id: newId<"user">(), name: systemUserName, kind: "system" })
      .onConflict((conflict) => conflict.column("name").doNothing())
      .returning("id")
      .executeTakeFirst();
    if (made !== undefined) await audit(transaction, made.id, "user.create", systemUserName);
    const user = await transaction
      .selectFrom("users")
      .select(["id", sql<boolean>`is_system_owner(id)`.as("isSystem")])
      .where("name", "=", systemUserName)
      .executeTakeFirstOrThrow();
    if (user.isSystem) return user.id;
    throw new OpenWorkersError(
      "CONFLICT",
      `Somebody is called "${systemUserName}", as the platform's own user is.`,
      {
        hint: "Rename them.",
      },
    );
  });
}

/** One of the platform's own workers, as far as it is there. */
export interface SystemWorkerState {
  readonly workerId: WorkerId;
  /** Whether it is the platform's; else somebody else had its name before. */
  readonly own: boolean;
  /** Of the version that was deployed last by a release; undefined when none was. */
  readonly builtFrom: string | undefined;
  /** Whether that version gets all requests. */
  readonly live: boolean;
}

/** Undefined when there is no worker of the name. */
export async function systemWorkerState(
  database: StoreDatabase,
  name: string,
): Promise<SystemWorkerState | undefined> {
  return database.read(async (queries) => {
    const row = await queries
      .selectFrom("workers")
      .leftJoin("system_workers", "system_workers.worker_id", "workers.id")
      .select(["workers.id", "built_from", "version_id"])
      .select(sql<boolean>`is_system_owner(owner_id)`.as("own"))
      .where("workers.name", "=", name)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return {
      workerId: row.id,
      own: row.own,
      builtFrom: row.version_id === null ? undefined : (row.built_from ?? undefined),
      live: row.version_id !== null && (await isLive(queries, row.id, row.version_id)),
    };
  });
}

async function isLive(
  queries: Parameters<Parameters<StoreDatabase["read"]>[0]>[0],
  workerId: WorkerId,
  versionId: VersionId,
): Promise<boolean> {
  const newest = await queries
    .selectFrom("deployments")
    .innerJoin("deployment_versions as share", "share.deployment_id", "deployments.id")
    .select(["share.version_id as versionId", "percent"])
    .where("deployments.worker_id", "=", workerId)
    .where("deployments.sequence", "=", (nested) =>
      nested
        .selectFrom("deployments")
        .select(({ fn }) => fn.max("sequence").as("last"))
        .where("worker_id", "=", workerId),
    )
    .execute();
  return newest.length === 1 && newest[0]?.versionId === versionId;
}

/**
 * Deploys one of the platform's own workers, and remembers what of.
 *
 * @throws OpenWorkersError FORBIDDEN when somebody else had its name before, and as `deployVersion`
 */
export async function deploySystemWorker(
  database: StoreDatabase,
  { builtFrom, ...input }: Omit<DeployInput, "system"> & { readonly builtFrom: string },
): Promise<Deployed> {
  const deployed = await deployVersion(database, { ...input, system: true });
  const columns = {
    worker_id: deployed.workerId,
    version_id: deployed.versionId,
    built_from: builtFrom,
    deployed_at: new Date(),
  };
  await database.write((transaction) =>
    transaction
      .insertInto("system_workers")
      .values({ name: input.worker, ...columns })
      .onConflict((conflict) => conflict.column("name").doUpdateSet(columns))
      .execute(),
  );
  return deployed;
}
