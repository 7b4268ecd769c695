import {
  type Binding,
  type EgressPolicy,
  type EnvironmentId,
  type EnvValue,
  OpenWorkersError,
  type VersionId,
  type WorkerCode,
  type WorkerId,
} from "@openworkers/core";
import type { StoreDatabase } from "../database.ts";
import { storedBinding, versionBindings } from "./bindings.ts";

/** A value of an environment as it is stored: a secret is still sealed. */
export type StoredValue =
  | { readonly name: string; readonly kind: "var"; readonly value: string }
  | { readonly name: string; readonly kind: "secret"; readonly sealed: Uint8Array };

/** What a version of a worker runs with. A value goes before a var with the same name. */
export interface StoredProgram {
  readonly code: WorkerCode;
  readonly version: {
    readonly id: VersionId;
    readonly number: number;
    readonly message: string | undefined;
    readonly createdAt: Date;
  };
  /** What the manifest gave. */
  readonly vars: ReadonlyMap<string, EnvValue>;
  /** The manifest's, and over them the environment's. One goes before a var with the same name. */
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly egress: EgressPolicy;
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
  database: StoreDatabase,
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
        "version.egress_allow as egressAllow",
        "version.number",
        "version.message",
        "version.created_at as createdAt",
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
    const { compatibilityDate, compatibilityFlags, vars, number, message, createdAt } = version;
    const { environmentId, revision } = version;
    const values =
      environmentId === null
        ? []
        : await queries
            .selectFrom("environment_values")
            .select([
              ...(["name", "kind", "value", "sealed"] as const),
              ...([
                "kv_namespace_id",
                "bucket_id",
                "database_id",
                "queue_id",
                "target_worker_id",
                "entrypoint",
                "props",
              ] as const),
            ])
            .where("environment_id", "=", environmentId)
            .orderBy("name")
            .execute();
    const bindings = await versionBindings(queries, versionId);
    for (const row of values) {
      const binding = storedBinding({ ...row, settings: null, delivery_delay: null });
      if (binding !== undefined) bindings.set(row.name, binding);
    }
    return {
      code: {
        modules,
        compatibilityDate,
        compatibilityFlags,
        sourceMaps: new Map(maps.map(({ module_name, content }) => [module_name, content])),
      },
      version: { id: versionId, number, message: message ?? undefined, createdAt },
      vars: new Map(Object.entries(vars)),
      bindings,
      egress: { allow: version.egressAllow ?? undefined },
      environment:
        environmentId === null || revision === null
          ? undefined
          : { id: environmentId, revision, values: values.flatMap(storedValue) },
    };
  });
}

function storedValue(row: {
  name: string;
  kind: string;
  value: string | null;
  sealed: Uint8Array | null;
}): StoredValue[] {
  // The table's constraint says that each is there for its kind.
  if (row.sealed !== null) return [{ name: row.name, kind: "secret", sealed: row.sealed }];
  return row.value === null ? [] : [{ name: row.name, kind: "var", value: row.value }];
}
