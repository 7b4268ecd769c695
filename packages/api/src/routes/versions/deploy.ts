import {
  checkedSchema,
  codeForm,
  type EnvValue,
  isId,
  OpenWorkersError,
  parseWorkerName,
  type VersionId,
  type WorkerCode,
  type WorkerId,
} from "@openworkers/core";
import {
  changeValues,
  type DeployInput,
  deployVersion,
  ensureWorkerEnvironment,
  listBindings,
  listValues,
  liveVersionSettings,
  type NewValue,
  uploadVersion,
  type VersionSettings,
} from "@openworkers/db/stores";
import type { z } from "zod";
import { accountFor } from "../../access/account.ts";
import { find } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import type { PlatformServices } from "../../platform/services.ts";
import { environmentOf, makeEnvironment } from "../workers/environment.ts";
import type { deployedSchema, Upload } from "./schema.ts";
import { toConsumer, toWanted } from "./wanted.ts";

/** What is to be deployed: whoever speaks of it in another form brings it into this one. */
export interface Deploy {
  readonly worker: string;
  readonly code: WorkerCode;
  readonly metadata: Upload;
}

// A sealed secret cannot be read here, and a worker that looks at it while starting must not fail for that.
const unreadable = "placeholder";

/**
 * Starts a version in a throw-away cell, with an environment of the shape that it will have.
 *
 * @throws OpenWorkersError START_FAILED; INVALID_NAME, NOT_FOUND and FORBIDDEN before anything is started
 */
export async function checkDeploy(
  deploy: Deploy,
  {
    together,
    platform,
  }: {
    readonly together: <T>(work: (scope: Scope) => Promise<T>) => Promise<T>;
    readonly platform: PlatformServices;
  },
): Promise<z.output<typeof checkedSchema>> {
  const { vars, bindings, limits } = deploy.metadata;
  const { now, base } = await together(async (scope) => ({
    now: await environmentNow(scope, deploy),
    base: await baseOf(scope, deploy, await ownWorker(scope, deploy.worker)),
  }));
  const env: Record<string, EnvValue> = { ...Object.fromEntries(base?.vars ?? []), ...vars, ...now.env };
  const { environmentVars, environmentSecrets } = deploy.metadata;
  for (const [name, value] of Object.entries({ ...environmentVars, ...environmentSecrets })) {
    env[name] = { kind: "text", value };
  }
  const kinds = [...(base?.bindings ?? []), ...Object.entries(bindings)].map(([name, { kind }]) => [
    name,
    kind,
  ]);
  const body = codeForm(deploy.code, {
    env,
    bindings: { ...Object.fromEntries(kinds), ...now.bindings },
    limits: { ...base?.limits, ...limits },
  });
  return platform.json(checkedSchema, "/check", { method: "POST", body });
}

/** What the worker's environment holds now; nothing for a worker that is not there yet. */
async function environmentNow(scope: Scope, { worker, metadata }: Deploy) {
  const found = await ownWorker(scope, worker);
  const env: Record<string, EnvValue> = {};
  const bindings: Record<string, string> = {};
  if (found === undefined) {
    parseWorkerName(worker);
    await accountFor(scope, metadata.account, { resource: "workers", action: "write" });
    return { env, bindings };
  }
  const environmentId = await environmentOf(scope.queries, found.id);
  if (environmentId === undefined) return { env, bindings };
  for (const value of await listValues(scope.database, environmentId)) {
    env[value.name] = { kind: "text", value: value.kind === "var" ? value.value : unreadable };
  }
  for (const { name, kind, source } of await listBindings(scope.database, found.name)) {
    if (source === "environment") bindings[name] = kind;
  }
  return { env, bindings };
}

/**
 * Stores a version that has been checked and makes it live, with the values that come along; all of it or nothing.
 *
 * @throws OpenWorkersError as `deployVersion` and `changeValues`
 */
export async function runDeploy(
  scope: Scope,
  deploy: Deploy,
  checked: z.output<typeof checkedSchema>,
): Promise<z.input<typeof deployedSchema>> {
  const input = await deployInput(scope, deploy, checked);
  const { bound, ...deployed } = await deployVersion(scope.database, input);
  return { worker: input.worker, ...deployed, bindings: [...bound], startMs: checked.startMs };
}

/**
 * Stores a version that has been checked, which no request reaches until it is deployed. What a manifest says of the
 * worker and not of a version (routes, domains, crons, consumers, an environment) is not regarded.
 *
 * @throws OpenWorkersError as `uploadVersion` and `changeValues`
 */
export async function runUpload(
  scope: Scope,
  deploy: Deploy,
  checked: z.output<typeof checkedSchema>,
): Promise<{ readonly versionId: VersionId; readonly version: number }> {
  const { routes, crons, consumers, domains, environment, percent, ...input } = await deployInput(
    scope,
    deploy,
    checked,
  );
  return uploadVersion(scope.database, input);
}

/** What the version has that a deploy is made from. @throws OpenWorkersError CONFLICT when it serves no more */
async function baseOf(
  { queries }: Scope,
  { worker, metadata: { base } }: Deploy,
  found: { readonly id: WorkerId; readonly name: string } | undefined,
): Promise<VersionSettings | undefined> {
  if (base === undefined) return undefined;
  if (found === undefined) throw new OpenWorkersError("NOT_FOUND", `There is no worker "${worker}".`);
  return liveVersionSettings(queries, found, base);
}

async function deployInput(
  scope: Scope,
  deploy: Deploy,
  { entrypoints }: z.output<typeof checkedSchema>,
): Promise<DeployInput> {
  const { worker, code, metadata } = deploy;
  const by = scope.caller;
  // What is live must stay so until this is.
  const found = await ownWorker(scope, worker, metadata.base !== undefined);
  const base = await baseOf(scope, deploy, found);
  // Whose a worker is that is there already need not be said.
  const account =
    found !== undefined && metadata.account === undefined
      ? undefined
      : await accountFor(scope, metadata.account, { resource: "workers", action: "write" });
  const set = environmentValues(metadata);
  let environment = metadata.environment;
  if (set.length > 0) {
    if (environment !== undefined) {
      throw new OpenWorkersError(
        "INVALID_INPUT",
        "An environment is named, and values for the worker's own are given.",
        { field: "environment" },
      );
    }
    if (found !== undefined) {
      const environmentId = await ensureWorkerEnvironment(scope.database, { worker: found.name, by });
      await changeValues(scope.database, { environmentId, set, by });
    } else if (account !== undefined) {
      environment = await makeEnvironment(scope, { worker, owner: account.id, set });
    }
  }
  const { vars, bindings, consumers, egress, limits, assets, message, percent, routes, domains, crons } =
    metadata;
  return {
    worker: found?.name ?? worker,
    by,
    code,
    entrypoints,
    limits: { ...base?.limits, ...defined(limits) },
    percent,
    domains,
    vars: new Map([...(base?.vars ?? []), ...Object.entries(vars)]),
    bindings: base?.bindings ?? new Map(),
    wanted: new Map(Object.entries(bindings).map(([name, binding]) => [name, toWanted(binding)])),
    ...(account === undefined ? {} : { owner: account.id }),
    ...(consumers === undefined ? {} : { consumers: consumers.map(toConsumer) }),
    ...(egress === undefined ? keptEgress(base) : { egress: { allow: egress.allow } }),
    ...(assets === undefined ? keptAssets(base) : { assets }),
    ...(message === undefined ? {} : { message }),
    ...(routes === undefined ? {} : { routes }),
    ...(crons === undefined ? {} : { crons }),
    ...(environment === undefined ? {} : { environment }),
  };
}

function keptEgress(base: VersionSettings | undefined): Pick<DeployInput, "egress"> {
  return base === undefined ? {} : { egress: base.egress };
}

function keptAssets(base: VersionSettings | undefined): Pick<DeployInput, "assetsOf"> {
  return base?.assets === undefined ? {} : { assetsOf: { version: base.id, settings: base.assets } };
}

/** The worker when it is there and the caller may deploy it; undefined when there is none that they see. */
async function ownWorker(scope: Scope, nameOrId: string, lock = false) {
  try {
    return await find<WorkerId>(scope, "worker", { nameOrId, action: "write", lock });
  } catch (thrown) {
    // A worker is made by its name: nobody makes one that is called what another one has as its id.
    if (thrown instanceof OpenWorkersError && thrown.code === "NOT_FOUND" && !isId(nameOrId))
      return undefined;
    throw thrown;
  }
}

function environmentValues({ environmentVars, environmentSecrets }: Upload): NewValue[] {
  const vars = Object.entries(environmentVars).filter(([name]) => !Object.hasOwn(environmentSecrets, name));
  return [
    ...vars.map(([name, value]) => ({ name, kind: "var" as const, value })),
    ...Object.entries(environmentSecrets).map(([name, value]) => ({ name, kind: "secret" as const, value })),
  ];
}

function defined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;
}
