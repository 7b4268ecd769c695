import {
  defaultLimits,
  defaultMaxima,
  type EnvironmentId,
  type Limits,
  limitsSchema,
  type VersionId,
  type WorkerId,
} from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { type CalledEntrypoint, calledEntrypoints } from "./called-entrypoints.ts";

/** A version that serves requests. */
export interface RoutedVersion {
  readonly versionId: VersionId;
  readonly version: number;
  /** Its share of the worker's requests; those of a worker's versions are 100 in all. */
  readonly percent: number;
  /** What it runs under; see `effectiveLimits`. */
  readonly limits: Limits;
  /** It has static files. */
  readonly assets: boolean;
  /** Names of the classes that it exports for other workers to call. */
  readonly entrypoints: readonly string[];
}

/** A worker and what serves its requests. */
export interface RoutedWorker {
  readonly workerId: WorkerId;
  readonly worker: string;
  readonly environmentId: EnvironmentId | null;
  /** 0 when it has no environment. Another environment, or a changed value, is another revision. */
  readonly environmentRevision: number;
  /** At least one, the largest share first. */
  readonly versions: readonly RoutedVersion[];
  /** What live workers call of it besides its default export without props. */
  readonly called: readonly CalledEntrypoint[];
}

/** All that a runner needs to find the worker for a request, as of one moment. */
export interface RoutingSnapshot {
  readonly workers: readonly RoutedWorker[];
  /** Verified ones only. */
  readonly domains: readonly { readonly hostname: string; readonly workerId: WorkerId }[];
  readonly routes: readonly { readonly pattern: string; readonly workerId: WorkerId }[];
}

/** One version of a worker, live or not. */
export interface FoundVersion {
  readonly workerId: WorkerId;
  readonly worker: string;
  readonly versionId: VersionId;
  readonly version: number;
  readonly environmentId: EnvironmentId | null;
  readonly environmentRevision: number;
  readonly limits: Limits;
  /** It has static files. */
  readonly assets: boolean;
}

export interface RoutingOptions {
  /** What the platform allows; `defaultMaxima` unless given. */
  readonly maxima?: Limits;
}

/** Every worker that is live, with its domains and routes. */
export async function loadRouting(
  database: StoreDatabase,
  options: RoutingOptions = {},
): Promise<RoutingSnapshot> {
  return database.snapshot((queries) => readRouting(queries, options));
}

/** As `loadRouting`, of one worker alone; all three lists are empty when it is gone. */
export async function loadWorkerRouting(
  database: StoreDatabase,
  workerId: WorkerId,
  options: RoutingOptions = {},
): Promise<RoutingSnapshot> {
  return database.snapshot((queries) => readRouting(queries, options, workerId));
}

/** The version with this number of the worker with this name, for previews. */
export async function findVersion(
  database: StoreDatabase,
  worker: string,
  number: number,
  options: RoutingOptions = {},
): Promise<FoundVersion | undefined> {
  // PostgreSQL's integer ends there; no worker has such a version.
  if (!Number.isInteger(number) || number < 1 || number > 2 ** 31 - 1) return undefined;
  const row = await database.read((queries) =>
    queries
      .selectFrom("worker_versions")
      .innerJoin("workers", "workers.id", "worker_versions.worker_id")
      .leftJoin("environments", "environments.id", "workers.environment_id")
      .select([
        "workers.id as workerId",
        "workers.name as worker",
        "worker_versions.id as versionId",
        "worker_versions.number as version",
        "environments.id as environmentId",
        "environments.revision",
        "workers.limits as workerLimits",
        "worker_versions.limits as versionLimits",
      ])
      .select(({ eb }) => eb("worker_versions.assets", "is not", null).as("assets"))
      .where("workers.name", "=", worker)
      .where("worker_versions.number", "=", number)
      .executeTakeFirst(),
  );
  if (row === undefined) return undefined;
  const { revision, workerLimits, versionLimits, assets, ...found } = row;
  return {
    ...found,
    assets: Boolean(assets),
    environmentRevision: revision ?? 0,
    limits: effectiveLimits([workerLimits, versionLimits], options.maxima),
  };
}

/**
 * The limits a version runs under: the platform's defaults, over them what the worker wants, over that what the
 * version's manifest wants, and none of it above the platform's maxima. A deploy that wants more is refused; this
 * clamps, because maxima may have been lowered since, and one worker must not keep the others from being served.
 */
export function effectiveLimits(wanted: readonly unknown[], maxima: Limits = defaultMaxima): Limits {
  const limits: Limits = { ...defaultLimits };
  for (const key of Object.keys(limitsSchema.shape) as (keyof Limits)[]) {
    for (const layer of wanted) {
      const value: unknown =
        typeof layer === "object" && layer !== null ? Reflect.get(layer, key) : undefined;
      const parsed = limitsSchema.shape[key].safeParse(value);
      if (parsed.success) limits[key] = parsed.data;
    }
    limits[key] = Math.min(limits[key], maxima[key]);
  }
  return limits;
}

async function readRouting(
  queries: Queries,
  { maxima }: RoutingOptions,
  only?: WorkerId,
): Promise<RoutingSnapshot> {
  const rows = await queries
    .with("live", (db) =>
      db
        .selectFrom("deployments")
        .distinctOn("worker_id")
        .select(["worker_id", "id"])
        .where(({ eb, lit }) => (only === undefined ? lit(true) : eb("worker_id", "=", only)))
        .orderBy("worker_id")
        .orderBy("sequence", "desc"),
    )
    .selectFrom("live")
    .innerJoin("workers", "workers.id", "live.worker_id")
    .innerJoin("deployment_versions as share", "share.deployment_id", "live.id")
    .innerJoin("worker_versions as version", "version.id", "share.version_id")
    .leftJoin("environments", "environments.id", "workers.environment_id")
    .select([
      "workers.id as workerId",
      "workers.name as worker",
      "workers.limits as workerLimits",
      "environments.id as environmentId",
      "environments.revision",
      "version.id as versionId",
      "version.number as version",
      "version.limits as versionLimits",
      "version.entrypoints",
      "share.percent",
    ])
    .select(({ eb }) => eb("version.assets", "is not", null).as("assets"))
    .orderBy("workers.name")
    .orderBy("share.percent", "desc")
    .orderBy("version.number", "desc")
    .execute();
  const domains = await queries
    .selectFrom("domains")
    .select(["hostname", "worker_id as workerId"])
    .where("verified_at", "is not", null)
    .where(({ eb, lit }) => (only === undefined ? lit(true) : eb("worker_id", "=", only)))
    .orderBy("hostname")
    .execute();
  const routes = await queries
    .selectFrom("routes")
    .select(["pattern", "worker_id as workerId"])
    .where(({ eb, lit }) => (only === undefined ? lit(true) : eb("worker_id", "=", only)))
    .orderBy("pattern")
    .execute();
  const called = await calledEntrypoints(queries, only);
  const workers = [...Map.groupBy(rows, ({ workerId }) => workerId).values()].flatMap((versions) => {
    const [first] = versions;
    if (first === undefined) return [];
    return {
      workerId: first.workerId,
      worker: first.worker,
      environmentId: first.environmentId,
      environmentRevision: first.revision ?? 0,
      called: called.get(first.workerId) ?? [],
      versions: versions.map(({ workerLimits, versionLimits, assets, entrypoints, ...version }) => ({
        versionId: version.versionId,
        version: version.version,
        percent: version.percent,
        assets: Boolean(assets),
        entrypoints: entrypoints ?? [],
        limits: effectiveLimits([workerLimits, versionLimits], maxima),
      })),
    };
  });
  return { workers, domains, routes };
}
