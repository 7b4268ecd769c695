import {
  type DeploymentId,
  newId,
  OpenWorkersError,
  type UserId,
  type VersionId,
  type WorkerId,
} from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { audit } from "./audit.ts";
import { checkCalledEntrypoints } from "./called-entrypoints.ts";
import { lockOwnedWorker, workerNamed } from "./workers.ts";

/** A version's part of a worker's requests. */
export interface Share {
  readonly versionId: VersionId;
  /** 1 to 100; the shares of a deployment are 100 in all. */
  readonly percent: number;
}

export interface Deployment {
  readonly id: DeploymentId;
  readonly createdAt: Date;
  /** Name of the user who made it. */
  readonly createdBy: string;
  readonly message: string | null;
  /** Requests are served by this one. */
  readonly live: boolean;
  /** Largest share first. */
  readonly versions: readonly {
    readonly version: number;
    readonly versionId: VersionId;
    readonly percent: number;
  }[];
}

export interface CreateDeployment {
  readonly worker: string;
  /** Share in percent by the version's number; 100 in all. */
  readonly versions: ReadonlyMap<number, number>;
  readonly by: UserId;
  readonly message?: string;
}

/**
 * Makes existing versions of a worker live, with the given shares.
 *
 * @throws OpenWorkersError NOT_FOUND (worker or version), FORBIDDEN, INVALID_INPUT (shares), CONFLICT (too many entrypoints of a
 * worker would be called), DATABASE_UNAVAILABLE.
 */
export async function createDeployment(
  database: StoreDatabase,
  { worker, versions, by, message }: CreateDeployment,
): Promise<DeploymentId> {
  checkShares(versions);
  return database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by);
    const shares = await Promise.all(
      [...versions].map(async ([version, percent]) => ({
        versionId: await versionNumbered(transaction, id, worker, version),
        percent,
      })),
    );
    const deploymentId = await insertDeployment(transaction, id, shares, by, message);
    await audit(transaction, by, "deployment.create", worker, { versions: Object.fromEntries(versions) });
    return deploymentId;
  });
}

export interface Rollback {
  readonly worker: string;
  /** Number of the version to return to; unless given, the largest of the deployment before the live one. */
  readonly version?: number;
  readonly by: UserId;
  readonly message?: string;
}

/**
 * Makes an earlier version live again, as a new deployment of it; returns its number.
 *
 * @throws OpenWorkersError NOT_FOUND (worker, version, or nothing to return to), FORBIDDEN, DATABASE_UNAVAILABLE.
 */
export async function rollback(
  database: StoreDatabase,
  { worker, version, by, message }: Rollback,
): Promise<number> {
  return database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by);
    const target =
      version === undefined
        ? await previousVersion(transaction, id, worker)
        : { number: version, id: await versionNumbered(transaction, id, worker, version) };
    await insertDeployment(transaction, id, [{ versionId: target.id, percent: 100 }], by, message);
    await audit(transaction, by, "deployment.rollback", worker, { version: target.number });
    return target.number;
  });
}

/** The newest deployments of a worker first, at most 100. @throws OpenWorkersError NOT_FOUND, DATABASE_UNAVAILABLE. */
export async function listDeployments(database: StoreDatabase, worker: string): Promise<Deployment[]> {
  return database.snapshot(async (queries) => {
    const workerId = await workerNamed(queries, worker);
    const deployments = await queries
      .selectFrom("deployments")
      .innerJoin("users", "users.id", "deployments.created_by")
      .select(["deployments.id", "deployments.created_at as createdAt", "users.name as createdBy", "message"])
      .where("worker_id", "=", workerId)
      .orderBy("sequence", "desc")
      .limit(100)
      .execute();
    if (deployments.length === 0) return [];
    const shares = await queries
      .selectFrom("deployment_versions")
      .innerJoin("worker_versions", "worker_versions.id", "deployment_versions.version_id")
      .select(["deployment_id", "number as version", "version_id as versionId", "percent"])
      .where(
        "deployment_id",
        "in",
        deployments.map(({ id }) => id),
      )
      .orderBy("percent", "desc")
      .orderBy("number", "desc")
      .execute();
    const byDeployment = Map.groupBy(shares, ({ deployment_id }) => deployment_id);
    return deployments.map((deployment, index) => ({
      ...deployment,
      live: index === 0,
      versions: (byDeployment.get(deployment.id) ?? []).map(({ version, versionId, percent }) => ({
        version,
        versionId,
        percent,
      })),
    }));
  });
}

/**
 * Part of the caller's transaction, which must have locked the worker's row: that gives deployments their order.
 *
 * @throws OpenWorkersError CONFLICT when too many entrypoints of a worker would be called.
 */
export async function insertDeployment(
  transaction: Queries,
  workerId: WorkerId,
  shares: readonly Share[],
  by: UserId,
  message: string | undefined,
): Promise<DeploymentId> {
  const id = newId<"deployment">();
  await transaction
    .insertInto("deployments")
    .values({ id, worker_id: workerId, created_by: by, message: message ?? null })
    .execute();
  await transaction
    .insertInto("deployment_versions")
    .values(
      shares.map(({ versionId, percent }) => ({
        deployment_id: id,
        worker_id: workerId,
        version_id: versionId,
        percent,
      })),
    )
    .execute();
  const bound = await transaction
    .selectFrom("version_bindings")
    .select("target_worker_id")
    .where(
      "version_id",
      "in",
      shares.map(({ versionId }) => versionId),
    )
    .execute();
  await checkCalledEntrypoints(
    transaction,
    bound.map(({ target_worker_id }) => target_worker_id),
  );
  return id;
}

/** What serves a worker's requests now, the largest share first; empty for a worker without a deployment. */
export async function liveShares(queries: Queries, workerId: WorkerId): Promise<Share[]> {
  return queries
    .selectFrom("deployment_versions")
    .innerJoin("worker_versions", "worker_versions.id", "deployment_versions.version_id")
    .select(["version_id as versionId", "percent"])
    .where("deployment_id", "=", newestBut(queries, workerId, 0))
    .orderBy("percent", "desc")
    .orderBy("number", "desc")
    .execute();
}

async function versionNumbered(
  queries: Queries,
  workerId: WorkerId,
  worker: string,
  number: number,
): Promise<VersionId> {
  const version = await queries
    .selectFrom("worker_versions")
    .select("id")
    .where("worker_id", "=", workerId)
    .where("number", "=", number)
    .executeTakeFirst();
  if (version === undefined) {
    throw new OpenWorkersError("NOT_FOUND", `Worker "${worker}" has no version ${number}.`, {
      hint: `List them: ow versions ${worker}`,
    });
  }
  return version.id;
}

async function previousVersion(
  queries: Queries,
  workerId: WorkerId,
  worker: string,
): Promise<{ id: VersionId; number: number }> {
  const previous = await queries
    .selectFrom("deployment_versions")
    .innerJoin("worker_versions", "worker_versions.id", "deployment_versions.version_id")
    .select(["worker_versions.id", "number"])
    .where("deployment_id", "=", newestBut(queries, workerId, 1))
    .orderBy("percent", "desc")
    .orderBy("number", "desc")
    .executeTakeFirst();
  if (previous === undefined) {
    throw new OpenWorkersError("NOT_FOUND", `Worker "${worker}" has had one deployment only.`, {
      hint: "There is nothing to return to; deploy again instead.",
    });
  }
  return previous;
}

/** The id of a worker's live deployment, or of the one `skipped` before it. */
function newestBut(queries: Queries, workerId: WorkerId, skipped: number) {
  return queries
    .selectFrom("deployments")
    .select("id")
    .where("worker_id", "=", workerId)
    .orderBy("sequence", "desc")
    .offset(skipped)
    .limit(1);
}

function checkShares(versions: ReadonlyMap<number, number>): void {
  const percents = [...versions.values()];
  const sum = percents.reduce((total, percent) => total + percent, 0);
  if (sum !== 100 || percents.some((percent) => !Number.isInteger(percent) || percent < 1)) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `The shares ${percents.join(" + ")} are not whole percents that make 100.`,
      { field: "versions" },
    );
  }
}
