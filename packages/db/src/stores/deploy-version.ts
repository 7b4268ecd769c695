import {
  type AssetSettings,
  type Binding,
  type BoundName,
  type DeploymentId,
  type EgressPolicy,
  type EnvironmentId,
  type EnvValue,
  type Limits,
  maxScriptBytes,
  newId,
  OpenWorkersError,
  parseWorkerName,
  resolveLimits,
  type UserId,
  type VersionId,
  type WantedBinding,
  type WantedConsumer,
  type WorkerCode,
  type WorkerId,
} from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { copyVersionAssets, type DeployAssets, insertVersionAssets } from "./assets.ts";
import { audit } from "./audit.ts";
import { insertVersionBindings } from "./bindings.ts";
import { anyOf, hashOf, storeBlobs } from "./blobs.ts";
import { replaceManifestCrons } from "./crons.ts";
import { insertDeployment, liveShares, type Share } from "./deployments.ts";
import { claimDomain } from "./domains.ts";
import { environmentFor } from "./environments.ts";
import { replaceManifestConsumers } from "./queues/consumers.ts";
import { replaceRoutes } from "./routes.ts";
import { mustOwn } from "./users.ts";
import { provision } from "./wanted-bindings.ts";

export interface DeployInput {
  /** The worker's name; the worker is made when there is none. */
  readonly worker: string;
  readonly by: UserId;
  /** Whose a worker is that is made; `by`'s unless given. One that is there must be theirs when given. */
  readonly owner?: UserId;
  /** One of the platform's own, which has a reserved name. The database says whose it may be. */
  readonly system?: boolean;
  /** The first module is the main one. */
  readonly code: WorkerCode;
  /** What the manifest gives as vars. A value of the environment with the same name goes before it. */
  readonly vars?: ReadonlyMap<string, EnvValue>;
  /** What the manifest binds. A binding of the environment with the same name goes before it. */
  readonly bindings?: ReadonlyMap<string, Binding>;
  /** The same by the resources' names: looked up, and made for the worker's owner, as part of the deploy. */
  readonly wanted?: ReadonlyMap<string, WantedBinding>;
  /** The queues that it takes messages of, instead of those that its manifest had; unless given, it keeps them. */
  readonly consumers?: readonly WantedConsumer[];
  /** Its static files, whose contents have been sent before (`uploadAssets`). */
  readonly assets?: DeployAssets;
  /** Instead of `assets`: those of an earlier version of the worker, as they are. */
  readonly assetsOf?: { readonly version: VersionId; readonly settings: AssetSettings };
  /** Names of the exported classes that other workers may call, as a start of the worker found them. */
  readonly entrypoints?: readonly string[];
  /** Where the version may go; every public host unless given. */
  readonly egress?: EgressPolicy;
  /** What the manifest wants; each goes before the worker's own. */
  readonly limits?: Partial<Limits>;
  /** What the platform allows; `defaultMaxima` unless given. */
  readonly maxima?: Limits;
  readonly message?: string;
  /** Share of requests in percent, 1 to 100; the version with the largest share until now keeps the rest. */
  readonly percent?: number;
  /** Patterns that lead to the worker, instead of those it had; unless given, it keeps them. */
  readonly routes?: readonly string[];
  /** Cron expressions of the manifest, instead of those that an earlier one had; unless given, these stay. */
  readonly crons?: readonly string[];
  /** Host names to claim besides those it has. An operator's are verified at once. */
  readonly domains?: readonly string[];
  /** Name of an environment of the worker's owner to use from now on; unless given, it keeps the one it has. */
  readonly environment?: string;
}

export interface Deployed {
  readonly workerId: WorkerId;
  readonly versionId: VersionId;
  /** The version's number, counted from 1 for each worker. */
  readonly version: number;
  readonly deploymentId: DeploymentId;
  /** What became of `wanted`. */
  readonly bound: readonly BoundName[];
}

/**
 * Stores a new version of a worker and makes it live, all of it or nothing. Two at once both succeed, as two
 * versions of which the one with the higher number is live.
 *
 * @throws OpenWorkersError INVALID_NAME, INVALID_INPUT, INVALID_LIMIT, SCRIPT_TOO_LARGE, FORBIDDEN (the worker
 * or one to be bound is somebody else's, or a route's host not its owner's), NOT_FOUND (environment, a namespace or worker to be
 * bound), CONFLICT (a domain or route is another worker's; contents of assets have not been sent; too many entrypoints of a
 * worker would be called),
 * DATABASE_UNAVAILABLE.
 */
export async function deployVersion(database: StoreDatabase, input: DeployInput): Promise<Deployed> {
  const percent = input.percent ?? 100;
  const { name, stored } = checked(input);
  return database.write(async (transaction) => {
    const { worker, owner, version, bound } = await storeVersion(transaction, name, input, stored);
    const shares = await withNewVersion(transaction, worker.id, version.id, percent);
    const deploymentId = await insertDeployment(transaction, worker.id, shares, input.by, input.message);
    if (input.routes !== undefined) await replaceRoutes(transaction, worker, input.routes, input.by);
    if (input.crons !== undefined)
      await replaceManifestCrons(transaction, { id: worker.id, name }, input.crons);
    if (input.consumers !== undefined) await replaceManifestConsumers(transaction, owner, input.consumers);
    for (const hostname of input.domains ?? []) await claimDomain(transaction, worker.id, hostname, input.by);
    await audit(transaction, input.by, "worker.deploy", name, { version: version.number, percent });
    return { workerId: worker.id, versionId: version.id, version: version.number, deploymentId, bound };
  });
}

/** What a version is made of, and nothing that only becomes of it when it is live. */
export type UploadInput = Omit<
  DeployInput,
  "percent" | "routes" | "crons" | "consumers" | "domains" | "environment" | "system"
>;

/**
 * Stores a new version of a worker that no request reaches until it is deployed (`createDeployment`).
 *
 * @throws OpenWorkersError as `deployVersion`
 */
export async function uploadVersion(
  database: StoreDatabase,
  input: UploadInput,
): Promise<Omit<Deployed, "deploymentId">> {
  const { name, stored } = checked(input);
  return database.write(async (transaction) => {
    const { worker, version, bound } = await storeVersion(transaction, name, input, stored);
    await audit(transaction, input.by, "worker.upload", name, { version: version.number });
    return { workerId: worker.id, versionId: version.id, version: version.number, bound };
  });
}

function checked(input: DeployInput): { readonly name: string; readonly stored: StoredCode } {
  const name = parseWorkerName(input.worker, { reserved: input.system === true });
  checkCode(input.code);
  resolveLimits(input.limits ?? {}, input.maxima);
  return { name, stored: storedCode(input.code) };
}

async function storeVersion(transaction: Queries, name: string, input: DeployInput, stored: StoredCode) {
  const worker = await lockWorker(transaction, name, input.by, input.owner);
  if (input.environment !== undefined) await useEnvironment(transaction, worker, input.environment);
  await storeBlobs(transaction, stored.blobs);
  const bindings = new Map(input.bindings);
  const owner = { id: worker.id, name, owner: worker.owner_id, by: input.by };
  const provisioned = await provision(transaction, owner, input.wanted ?? new Map());
  for (const [binding, resolved] of provisioned) bindings.set(binding, resolved.binding);
  const version = await insertVersion(transaction, worker, { ...input, bindings }, stored);
  return { worker, owner, version, bound: [...provisioned.values()].map((resolved) => resolved.bound) };
}

interface LockedWorker {
  readonly id: WorkerId;
  readonly owner_id: UserId;
  /** Number for the new version. */
  readonly next: number;
}

// The row stays locked until the transaction ends, which is what gives concurrent deploys an order.
async function lockWorker(
  transaction: Queries,
  name: string,
  by: UserId,
  owner: UserId | undefined,
  attempt = 1,
): Promise<LockedWorker> {
  if (owner !== undefined) await mustOwn(transaction, by, owner, "The account");
  const made = await transaction
    .insertInto("workers")
    .values({ id: newId<"worker">(), name, owner_id: owner ?? by })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .returning("id")
    .executeTakeFirst();
  const worker = await transaction
    .updateTable("workers")
    .set((row) => ({ last_version: row("last_version", "+", 1) }))
    .where("name", "=", name)
    .returning(["id", "owner_id", "last_version as next"])
    .executeTakeFirst();
  if (worker === undefined) {
    // Deleted between the two statements: as if this deploy had come first. Else it is there and not ours to see.
    if (attempt < 3) return lockWorker(transaction, name, by, owner, attempt + 1);
    throw nameTaken(name);
  }
  await mustOwn(transaction, by, worker.owner_id, `Worker "${name}"`);
  if (owner !== undefined && owner !== worker.owner_id) throw nameTaken(name);
  if (made !== undefined) await audit(transaction, by, "worker.create", name);
  return worker;
}

function nameTaken(name: string): OpenWorkersError {
  return new OpenWorkersError("CONFLICT", `The name "${name}" is taken by a worker of another account.`, {
    hint: "Choose another name; names of workers are unique on a platform.",
  });
}

async function useEnvironment(transaction: Queries, worker: LockedWorker, name: string): Promise<void> {
  const environmentId: EnvironmentId = await environmentFor(transaction, worker.owner_id, name);
  await transaction
    .updateTable("workers")
    .set({ environment_id: environmentId })
    .where("id", "=", worker.id)
    .execute();
}

async function insertVersion(
  transaction: Queries,
  worker: LockedWorker,
  { code, vars, bindings, assets, assetsOf, entrypoints, egress, limits, message, by }: DeployInput,
  { modules, sourceMaps }: StoredCode,
): Promise<{ id: VersionId; number: number }> {
  const id = newId<"version">();
  await transaction
    .insertInto("worker_versions")
    .values({
      id,
      worker_id: worker.id,
      number: worker.next,
      compatibility_date: code.compatibilityDate,
      compatibility_flags: [...code.compatibilityFlags],
      vars: Object.fromEntries(vars ?? []),
      entrypoints: entrypoints === undefined ? null : [...entrypoints],
      egress_allow: egress?.allow === undefined ? null : [...egress.allow],
      limits: limits ?? {},
      assets: assets?.settings ?? assetsOf?.settings ?? null,
      message: message ?? null,
      created_by: by,
    })
    .execute();
  await transaction
    .insertInto("version_modules")
    .values(modules.map((module) => ({ ...module, version_id: id })))
    .execute();
  if (sourceMaps.length > 0) {
    await transaction
      .insertInto("version_source_maps")
      .values(sourceMaps.map((map) => ({ ...map, version_id: id })))
      .execute();
  }
  // From now on it is the version that keeps them.
  await transaction
    .deleteFrom("blob_uploads")
    .where("user_id", "=", by)
    .where("hash", "=", anyOf([...modules, ...sourceMaps].map(({ hash }) => hash)))
    .execute();
  await insertVersionBindings(
    transaction,
    { id, workerId: worker.id, ownerId: worker.owner_id },
    bindings ?? new Map(),
  );
  if (assets !== undefined) await insertVersionAssets(transaction, id, assets, by);
  else if (assetsOf !== undefined) await copyVersionAssets(transaction, assetsOf.version, id);
  return { id, number: worker.next };
}

async function withNewVersion(
  transaction: Queries,
  workerId: WorkerId,
  versionId: VersionId,
  percent: number,
): Promise<Share[]> {
  if (!Number.isInteger(percent) || percent < 1 || percent > 100) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `A share of ${percent} percent is not a whole number from 1 to 100.`,
      { field: "percent" },
    );
  }
  if (percent === 100) return [{ versionId, percent }];
  const [largest] = await liveShares(transaction, workerId);
  if (largest === undefined) {
    throw new OpenWorkersError("INVALID_INPUT", "The first version of a worker takes all requests.", {
      field: "percent",
      hint: "Leave the percentage out.",
    });
  }
  return [
    { versionId, percent },
    { versionId: largest.versionId, percent: 100 - percent },
  ];
}

interface StoredCode {
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly modules: readonly {
    position: number;
    name: string;
    type: WorkerCode["modules"][number]["type"];
    hash: string;
  }[];
  readonly sourceMaps: readonly { module_name: string; hash: string }[];
}

function storedCode(code: WorkerCode): StoredCode {
  const blobs = new Map<string, Uint8Array>();
  const store = (content: Uint8Array): string => {
    const hash = hashOf(content);
    blobs.set(hash, content);
    return hash;
  };
  return {
    modules: code.modules.map(({ name, type, content }, position) => ({
      position,
      name,
      type,
      hash: store(content),
    })),
    sourceMaps: [...code.sourceMaps].map(([module_name, content]) => ({ module_name, hash: store(content) })),
    blobs,
  };
}

function checkCode({ modules, sourceMaps, compatibilityDate }: WorkerCode): void {
  if (modules.length === 0)
    throw new OpenWorkersError("INVALID_INPUT", "A worker needs at least one module.", { field: "modules" });
  const names = new Set<string>();
  for (const { name } of modules) {
    if (names.has(name))
      throw new OpenWorkersError("INVALID_INPUT", `There are two modules named "${name}".`, {
        field: "modules",
      });
    names.add(name);
  }
  for (const name of sourceMaps.keys()) {
    if (!names.has(name))
      throw new OpenWorkersError("INVALID_INPUT", `A source map is for "${name}", which is no module.`, {
        field: `map:${name}`,
      });
  }
  const bytes = modules.reduce((sum, { content }) => sum + content.byteLength, 0);
  if (bytes > maxScriptBytes) {
    throw new OpenWorkersError(
      "SCRIPT_TOO_LARGE",
      `The worker's modules are ${bytes} bytes together; ${maxScriptBytes} are allowed.`,
      { details: { bytes, maxBytes: maxScriptBytes } },
    );
  }
  if (!/^\d{4}-\d{2}-\d{2}$/.test(compatibilityDate) || Number.isNaN(Date.parse(compatibilityDate))) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `"${compatibilityDate}" is not a compatibility date (YYYY-MM-DD).`,
      { field: "compatibilityDate" },
    );
  }
}
