import {
  type AssetSettings,
  assetSettingsSchema,
  type Binding,
  type EgressPolicy,
  type EnvValue,
  type Limits,
  OpenWorkersError,
  type VersionId,
  type WorkerId,
} from "@openworkers/core";
import type { Queries } from "../database.ts";
import { versionBindings } from "./bindings.ts";
import { liveShares } from "./deployments.ts";

/** What a version is besides its code. */
export interface VersionSettings {
  readonly id: VersionId;
  readonly vars: ReadonlyMap<string, EnvValue>;
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly limits: Partial<Limits>;
  readonly egress: EgressPolicy;
  /** Undefined when it has no static files. */
  readonly assets: AssetSettings | undefined;
}

/**
 * What a version of a worker has, for one that is made from it: as long as it serves some of the worker's requests, so
 * that nobody undoes what somebody else has deployed meanwhile.
 *
 * @throws OpenWorkersError NOT_FOUND, CONFLICT (`details.live`: numbers of the versions that serve now)
 */
export async function liveVersionSettings(
  queries: Queries,
  worker: { readonly id: WorkerId; readonly name: string },
  number: number,
): Promise<VersionSettings> {
  const version = await queries
    .selectFrom("worker_versions")
    .select(["id", "vars", "limits", "egress_allow as egressAllow", "assets"])
    .where("worker_id", "=", worker.id)
    .where("number", "=", number)
    .executeTakeFirst();
  if (version === undefined) {
    throw new OpenWorkersError("NOT_FOUND", `Worker "${worker.name}" has no version ${number}.`);
  }
  const live = await liveShares(queries, worker.id);
  if (!live.some(({ versionId }) => versionId === version.id)) {
    throw new OpenWorkersError(
      "CONFLICT",
      `Version ${number} of ${worker.name} serves no more: others have deployed.`,
      {
        hint: "Look at what is live now, and deploy on top of that.",
        details: { live: await numbersOf(queries, live) },
      },
    );
  }
  const { id, vars, limits, egressAllow, assets } = version;
  return {
    id,
    vars: new Map(Object.entries(vars)),
    bindings: await versionBindings(queries, id),
    limits,
    egress: { allow: egressAllow ?? undefined },
    assets: assets === null ? undefined : assetSettingsSchema.parse(assets),
  };
}

async function numbersOf(
  queries: Queries,
  live: readonly { readonly versionId: VersionId }[],
): Promise<number[]> {
  if (live.length === 0) return [];
  const rows = await queries
    .selectFrom("worker_versions")
    .select("number")
    .where(
      "id",
      "in",
      live.map(({ versionId }) => versionId),
    )
    .orderBy("number", "desc")
    .execute();
  return rows.map(({ number }) => number);
}
