import type { EnvValue, Limits, VersionId } from "@openworkers/core";
import type { StoreDatabase } from "../database.ts";
import { workerNamed } from "./workers.ts";

export interface Version {
  readonly id: VersionId;
  readonly number: number;
  readonly message: string | null;
  /** Name of the user who deployed it. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly vars: Readonly<Record<string, EnvValue>>;
  readonly limits: Partial<Limits>;
  /** Sum of its modules, without source maps. */
  readonly bytes: number;
  /** Its share of the requests now; 0 when it is not live. */
  readonly percent: number;
}

/** The newest versions of a worker first, at most 100. @throws OpenWorkersError NOT_FOUND, DATABASE_UNAVAILABLE. */
export async function listVersions(database: StoreDatabase, worker: string): Promise<Version[]> {
  return database.snapshot(async (queries) => {
    const workerId = await workerNamed(queries, worker);
    const rows = await queries
      .selectFrom("worker_versions as version")
      .innerJoin("users", "users.id", "version.created_by")
      .select([
        "version.id",
        "version.number",
        "version.message",
        "users.name as createdBy",
        "version.created_at as createdAt",
        "version.compatibility_date as compatibilityDate",
        "version.compatibility_flags as compatibilityFlags",
        "version.vars",
        "version.limits",
      ])
      .select(({ selectFrom }) => [
        selectFrom("version_modules")
          .innerJoin("blobs", "blobs.hash", "version_modules.hash")
          .whereRef("version_modules.version_id", "=", "version.id")
          .select(({ fn }) => fn.sum<number>("blobs.size").as("sum"))
          .as("bytes"),
        selectFrom("deployment_versions")
          .whereRef("deployment_versions.version_id", "=", "version.id")
          .where("deployment_versions.deployment_id", "=", (nested) =>
            nested
              .selectFrom("deployments")
              .select("deployments.id")
              .where("deployments.worker_id", "=", workerId)
              .orderBy("sequence", "desc")
              .limit(1),
          )
          .select("percent")
          .as("percent"),
      ])
      .where("version.worker_id", "=", workerId)
      .orderBy("version.number", "desc")
      .limit(100)
      .execute();
    return rows.map((row) => ({ ...row, bytes: row.bytes ?? 0, percent: row.percent ?? 0 }));
  });
}
