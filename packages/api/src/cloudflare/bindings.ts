import { type EnvValue, OpenWorkersError, type VersionId } from "@openworkers/core";
import { type ListedBinding, listBindings, listValues } from "@openworkers/db/stores";
import type { z } from "zod";
import type { Scope } from "../http/call.ts";
import type { wantedBindingSchema } from "../routes/versions/wanted.ts";
import { environmentOf } from "../routes/workers/environment.ts";
import { type Ask, workerOf } from "./face.ts";

/** What a worker has now, for a version that keeps some of it. */
export interface Inherited {
  readonly vars: ReadonlyMap<string, EnvValue>;
  readonly bindings: ReadonlyMap<string, z.input<typeof wantedBindingSchema>>;
  /** Names that its environment holds, which every version has. */
  readonly values: ReadonlySet<string>;
}

/** What the path's worker has; nothing when it is not there. */
export async function inheritedFrom(scope: Scope, ask: Ask): Promise<Inherited> {
  try {
    const worker = await workerOf(scope, ask, "read");
    const listed = await listBindings(scope.database, worker.name);
    const own = listed.filter(({ source }) => source === "version");
    const environment = await environmentOf(scope.queries, worker.id);
    const values = environment === undefined ? [] : await listValues(scope.database, environment);
    const inEnvironment = listed.filter(({ source }) => source === "environment");
    return {
      vars: await varsNow(scope, ask),
      bindings: new Map(own.flatMap((binding) => wantedAgain(binding))),
      values: new Set([...values, ...inEnvironment].map(({ name }) => name)),
    };
  } catch (thrown) {
    if (!(thrown instanceof OpenWorkersError) || thrown.code !== "NOT_FOUND") throw thrown;
    return { vars: new Map(), bindings: new Map(), values: new Set() };
  }
}

/** The vars of the live version with the largest share. */
async function varsNow(scope: Scope, ask: Ask): Promise<ReadonlyMap<string, EnvValue>> {
  const { id } = await workerOf(scope, ask, "read");
  const row = await scope.queries
    .selectFrom("deployment_versions")
    .innerJoin("deployments", "deployments.id", "deployment_id")
    .innerJoin("worker_versions", "worker_versions.id", "version_id")
    .select("vars")
    .where("deployments.worker_id", "=", id)
    .orderBy("sequence", "desc")
    .orderBy("percent", "desc")
    .orderBy("version_id", "desc")
    .limit(1)
    .executeTakeFirst();
  return new Map(Object.entries(row?.vars ?? {}));
}

function wantedAgain({
  name,
  kind,
  resource,
  id,
  entrypoint,
  settings,
}: ListedBinding): [string, z.input<typeof wantedBindingSchema>][] {
  const to = id ?? undefined;
  switch (kind) {
    case "kv":
      return [[name, { kind, namespace: to }]];
    case "storage":
      return [[name, { kind, bucket: to }]];
    case "database":
    case "hyperdrive":
      return [[name, { kind, database: to }]];
    case "queue":
      return [[name, { kind, queue: to }]];
    case "worker":
      return [[name, { kind, worker: resource ?? "", entrypoint: entrypoint ?? undefined }]];
    case "rate-limit":
      return settings === null ? [] : [[name, { kind, settings }]];
    case "assets":
    case "version-metadata":
      return [[name, { kind }]];
    default:
      return [];
  }
}

/** A worker's bindings as Cloudflare shows them: vars, names of secrets, and what leads elsewhere. */
export async function shownBindings(scope: Scope, ask: Ask): Promise<Record<string, unknown>[]> {
  const worker = await workerOf(scope, ask, "read");
  const environment = await environmentOf(scope.queries, worker.id);
  const values = environment === undefined ? [] : await listValues(scope.database, environment);
  const byName = new Map<string, Record<string, unknown>>();
  for (const [name, value] of await varsNow(scope, ask)) byName.set(name, shownVar(name, value));
  for (const binding of await listBindings(scope.database, worker.name)) {
    byName.set(binding.name, shownBinding(binding));
  }
  for (const { name, ...value } of values) {
    byName.set(
      name,
      value.kind === "secret"
        ? { name, type: "secret_text" }
        : shownVar(name, { kind: "text", value: value.value }),
    );
  }
  return [...byName.values()];
}

/** The same of one version: without what its environment holds, which is no version's. */
export async function versionBindings(
  scope: Scope,
  version: VersionId,
  vars: Readonly<Record<string, EnvValue>>,
) {
  const rows = await scope.queries
    .selectFrom("version_bindings")
    .select(["name", "kind"])
    .select(({ fn }) => fn.coalesce("kv_namespace_id", "bucket_id", "database_id", "queue_id").as("id"))
    .where("version_id", "=", version)
    .orderBy("name")
    .execute();
  return [
    ...Object.entries(vars).map(([name, value]) => shownVar(name, value)),
    ...rows.map(({ name, kind, id }) =>
      shownBinding({ name, kind, id, resource: null, entrypoint: null, settings: null }),
    ),
  ];
}

function shownVar(name: string, value: EnvValue): Record<string, unknown> {
  return value.kind === "text"
    ? { name, type: "plain_text", text: value.value }
    : { name, type: "json", json: JSON.parse(value.value) };
}

type Shown = Omit<ListedBinding, "source">;

function shownBinding({ name, kind, id, resource, entrypoint, settings }: Shown): Record<string, unknown> {
  switch (kind) {
    case "kv":
      return { name, type: "kv_namespace", namespace_id: id };
    case "storage":
      return { name, type: "r2_bucket", bucket_name: resource ?? id };
    case "database":
      return { name, type: "d1", id };
    case "hyperdrive":
      return { name, type: "hyperdrive", id };
    case "queue":
      return { name, type: "queue", queue_name: resource ?? id };
    case "worker":
      return { name, type: "service", service: resource, ...(entrypoint === null ? {} : { entrypoint }) };
    case "rate-limit":
      return {
        name,
        type: "ratelimit",
        ...(settings === null
          ? {}
          : {
              namespace_id: settings.namespace,
              simple: { limit: settings.limit, period: settings.periodSeconds },
            }),
      };
    case "version-metadata":
      return { name, type: "version_metadata" };
    default:
      return { name, type: kind };
  }
}
