import {
  type EnvironmentId,
  type EnvValue,
  OpenWorkersError,
  type VersionId,
  type WorkerCode,
  type WorkerId,
} from "@openworkers/core";
import type { Database } from "../database.ts";

/** A value of an environment as it is stored: a secret is still sealed. */
export type StoredValue =
  | { readonly name: string; readonly kind: "var"; readonly value: string }
  | { readonly name: string; readonly kind: "secret"; readonly sealed: Uint8Array };

/** What a version of a worker runs with. A value goes before a var with the same name. */
export interface StoredProgram {
  readonly code: WorkerCode;
  /** What the manifest gave. */
  readonly vars: ReadonlyMap<string, EnvValue>;
  readonly environment:
    | { readonly id: EnvironmentId; readonly revision: number; readonly values: readonly StoredValue[] }
    | undefined;
}

/**
 * The program of a version, with the values of its worker's environment as they are now.
 *
 * @throws OpenWorkersError NOT_FOUND when the worker has no such version any more, DATABASE_UNAVAILABLE.
 */
export async function loadProgram(
  database: Database,
  versionId: VersionId,
  workerId: WorkerId,
): Promise<StoredProgram> {
  return database.snapshot(async (queries) => {
    const version = await queries
      .selectFrom("worker_versions as version")
      .innerJoin("workers", "workers.id", "version.worker_id")
      .leftJoin("environments", "environments.id", "workers.environment_id")
      .select([
        "version.compatibility_date as compatibilityDate",
        "version.compatibility_flags as compatibilityFlags",
        "version.vars",
        "environments.id as environmentId",
        "environments.revision",
      ])
      .where("version.id", "=", versionId)
      .where("version.worker_id", "=", workerId)
      .executeTakeFirst();
    if (version === undefined) {
      throw new OpenWorkersError("NOT_FOUND", "The version is gone, or never was this worker's.", {
        details: { versionId, workerId },
      });
    }
    const modules = await queries
      .selectFrom("version_modules")
      .innerJoin("blobs", "blobs.hash", "version_modules.hash")
      .select(["name", "type", "content"])
      .where("version_id", "=", versionId)
      .orderBy("position")
      .execute();
    const maps = await queries
      .selectFrom("version_source_maps")
      .innerJoin("blobs", "blobs.hash", "version_source_maps.hash")
      .select(["module_name", "content"])
      .where("version_id", "=", versionId)
      .execute();
    const { compatibilityDate, compatibilityFlags, vars, environmentId, revision } = version;
    const values =
      environmentId === null
        ? []
        : await queries
            .selectFrom("environment_values")
            .select(["name", "kind", "value", "sealed"])
            .where("environment_id", "=", environmentId)
            .orderBy("name")
            .execute();
    return {
      code: {
        modules,
        compatibilityDate,
        compatibilityFlags,
        sourceMaps: new Map(maps.map(({ module_name, content }) => [module_name, content])),
      },
      vars: new Map(Object.entries(vars)),
      environment:
        environmentId === null || revision === null
          ? undefined
          : { id: environmentId, revision, values: values.map(storedValue) },
    };
  });
}

function storedValue(row: {
  name: string;
  kind: "var" | "secret";
  value: string | null;
  sealed: Uint8Array | null;
}): StoredValue {
  // The table's constraint says that exactly one of the two is there.
  return row.kind === "secret"
    ? { name: row.name, kind: "secret", sealed: row.sealed ?? new Uint8Array() }
    : { name: row.name, kind: "var", value: row.value ?? "" };
}
