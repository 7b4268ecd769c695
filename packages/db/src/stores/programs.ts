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
import { sql } from "kysely";
import type { Queries, StoreDatabase } from "../database.ts";
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
 * @throws OpenWorkersError NOT_FOUND when the worker has no such version any more, FORBIDDEN when it has a binding that only
 * the platform's own workers may have and is none of these, DATABASE_UNAVAILABLE.
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
    if ([...bindings.values()].some(isSystemBinding)) await mustBeSystem(queries, workerId);
    for (const row of values) {
      const binding = storedBinding({ ...row, settings: null, delivery_delay: null, face: null });
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

const isSystemBinding = ({ kind }: Binding) => kind === "platform-sql" || kind === "platform-services";

/** A trigger lets nobody else store such a binding: this is for rows that came past it. */
async function mustBeSystem(queries: Queries, workerId: WorkerId): Promise<void> {
  const worker = await queries
    .selectFrom("workers")
    .select(["name", sql<boolean>`is_system_owner(owner_id)`.as("isSystem")])
    .where("id", "=", workerId)
    .executeTakeFirst();
  if (worker?.isSystem === true) return;
  throw new OpenWorkersError(
    "FORBIDDEN",
    `${worker?.name ?? "The worker"} is none of the platform's own workers, and bound as one.`,
  );
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
