import {
  type Binding,
  type BoundName,
  bindingNamePattern,
  checkDelaySeconds,
  isId,
  OpenWorkersError,
  rateLimitSchema,
  type UserId,
  type WantedBinding,
  type WorkerId,
} from "@openworkers/core";
import type { Queries } from "../database.ts";
import {
  ensureResource,
  findResource,
  type ResourceIds,
  type ResourceKind,
  resourceMissing,
  resourceNoun,
} from "./resources.ts";

/** Whose resources may be bound, and by whom. */
export interface BindingOwner {
  readonly owner: UserId;
  /** Who asks; another than the owner only when they are an operator. */
  readonly by: UserId;
}

/** A worker that is deployed, which may have had its bindings before. */
export interface BoundWorker extends BindingOwner {
  readonly id: WorkerId;
  readonly name: string;
}

export interface Resolved {
  readonly binding: Binding;
  readonly bound: BoundName;
}

/**
 * Looks up what a deploy of `worker` binds, and makes the resources that are wanted and not there, for the worker's owner and in
 * the deploy's own transaction.
 *
 * @throws OpenWorkersError NOT_FOUND (a namespace, a worker), FORBIDDEN (a worker of somebody else's), INVALID_INPUT, INVALID_NAME
 */
export async function provision(
  transaction: Queries,
  worker: BoundWorker,
  wanted: ReadonlyMap<string, WantedBinding>,
): Promise<Map<string, Resolved>> {
  const resolved = new Map<string, Resolved>();
  const makers = new Map<string, string>();
  for (const [name, want] of wanted) {
    checkBindingName(name);
    resolved.set(name, await provisionOne(transaction, worker, name, want, makers));
  }
  return resolved;
}

async function provisionOne(
  transaction: Queries,
  worker: BoundWorker,
  name: string,
  want: WantedBinding,
  makers: Map<string, string>,
): Promise<Resolved> {
  if (want.kind === "kv" && want.namespace === undefined) {
    return ownOf(transaction, worker, name, want.kind, makers);
  }
  if (want.kind === "storage") {
    return want.bucket === undefined
      ? ownOf(transaction, worker, name, want.kind, makers)
      : ensured(transaction, worker, name, want.kind, want.bucket);
  }
  if (want.kind === "database" || want.kind === "hyperdrive") {
    const { database } = want;
    if (database === undefined) return ownOf(transaction, worker, name, want.kind, makers);
    // An id names one that is there; a name is as good as a wish for one.
    if (!isId<never>(database)) return ensured(transaction, worker, name, want.kind, database);
  }
  if (want.kind === "queue") {
    const { queue, deliveryDelay } = want;
    if (queue === undefined)
      return delayed(await ownOf(transaction, worker, name, want.kind, makers), deliveryDelay);
    if (!isId<never>(queue))
      return delayed(await ensured(transaction, worker, name, want.kind, queue), deliveryDelay);
  }
  return lookUp(transaction, worker, name, want);
}

function delayed(resolved: Resolved, deliveryDelay: number | undefined): Resolved {
  const { binding } = resolved;
  if (binding.kind !== "queue" || deliveryDelay === undefined) return resolved;
  return { ...resolved, binding: { ...binding, deliveryDelay: checkDelaySeconds(deliveryDelay) } };
}

/**
 * Looks up what `name` is to be bound to, and makes nothing.
 *
 * @throws OpenWorkersError as `provision`
 */
export async function lookUp(
  transaction: Queries,
  owner: BindingOwner,
  name: string,
  want: WantedBinding,
): Promise<Resolved> {
  checkBindingName(name);
  switch (want.kind) {
    case "kv":
      return existing(transaction, owner, name, want.kind, want.namespace);
    case "storage":
      return existing(transaction, owner, name, want.kind, want.bucket);
    case "database":
    case "hyperdrive":
      return existing(transaction, owner, name, want.kind, want.database);
    case "queue":
      return delayed(await existing(transaction, owner, name, want.kind, want.queue), want.deliveryDelay);
    case "worker":
      return otherWorker(transaction, owner, name, want);
    case "rate-limit": {
      const settings = rateLimitSchema.parse(want.settings);
      return { binding: want, bound: { name, kind: want.kind, settings } };
    }
    default:
      return { binding: want, bound: { name, kind: want.kind } };
  }
}

/** The name of the resource that is made for a binding which names none: `<worker>-<binding>` in lower case. */
export function defaultResourceName(worker: string, binding: string): string {
  return `${worker}-${binding}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/-$/, "");
}

function checkBindingName(name: string): void {
  if (bindingNamePattern.test(name)) return;
  throw new OpenWorkersError("INVALID_INPUT", `"${name}" cannot name a binding.`, {
    field: `bindings.${name}`,
    hint: "Use up to 128 letters, digits, _ and $, not starting with a digit.",
  });
}

/** Of a binding that names no resource: the one that the worker has had under the name, else one with a name made for it. */
async function ownOf(
  transaction: Queries,
  worker: BoundWorker,
  name: string,
  kind: ResourceBinding["kind"],
  makers: Map<string, string>,
): Promise<Resolved> {
  const before = await boundBefore(transaction, worker.id, name, kind);
  if (before !== undefined) return existing(transaction, worker, name, kind, before);
  const resource = defaultResourceName(worker.name, name);
  // Names that differ in case only: whoever writes them means two.
  const other = makers.get(`${resourceOf[kind]} ${resource}`);
  if (other !== undefined) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `${other} and ${name} would both be bound to a new ${resourceNoun(resourceOf[kind])} "${resource}".`,
      { field: `bindings.${name}`, hint: "Rename one of them, or name the resources." },
    );
  }
  makers.set(`${resourceOf[kind]} ${resource}`, name);
  return ensured(transaction, worker, name, kind, resource);
}

async function boundBefore(
  transaction: Queries,
  worker: WorkerId,
  name: string,
  kind: ResourceBinding["kind"],
): Promise<string | undefined> {
  const row = await transaction
    .selectFrom("version_bindings as binding")
    .innerJoin("worker_versions as version", "version.id", "binding.version_id")
    .select(["kv_namespace_id", "bucket_id", "database_id", "queue_id"])
    .where("binding.worker_id", "=", worker)
    .where("binding.name", "=", name)
    .where("binding.kind", "=", kind)
    .orderBy("version.number", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.kv_namespace_id ?? row?.bucket_id ?? row?.database_id ?? row?.queue_id ?? undefined;
}

async function ensured(
  transaction: Queries,
  { owner, by }: BindingOwner,
  name: string,
  kind: ResourceBinding["kind"],
  resource: string,
): Promise<Resolved> {
  const { id, created } = await ensureResource(transaction, resourceOf[kind], { name: resource, owner, by });
  return { binding: toBinding(kind, id), bound: { name, kind, resource, id, created } };
}

async function existing(
  transaction: Queries,
  { owner }: BindingOwner,
  name: string,
  kind: ResourceBinding["kind"],
  nameOrId: string | undefined,
): Promise<Resolved> {
  if (nameOrId === undefined) {
    throw new OpenWorkersError("INVALID_INPUT", `${name} names no ${resourceNoun(resourceOf[kind])}.`, {
      field: `bindings.${name}`,
    });
  }
  const found = await findResource(transaction, resourceOf[kind], { nameOrId, owner });
  if (found === undefined) throw resourceMissing(resourceOf[kind], nameOrId, name);
  return {
    binding: toBinding(kind, found.id),
    bound: { name, kind, resource: found.name, id: found.id, created: false },
  };
}

async function otherWorker(
  transaction: Queries,
  { owner }: BindingOwner,
  name: string,
  want: Extract<WantedBinding, { kind: "worker" }>,
): Promise<Resolved> {
  const target = await transaction
    .selectFrom("workers")
    .select(["id", "owner_id"])
    .where("name", "=", want.worker)
    .executeTakeFirst();
  if (target === undefined) {
    throw new OpenWorkersError(
      "NOT_FOUND",
      `${name} is to be the worker "${want.worker}", which there is not.`,
      {
        hint: `Deploy it first: ow deploy PATH --name ${want.worker}`,
      },
    );
  }
  // An operator, too, binds only what is the same owner's: who may change a worker may read what it is bound to.
  if (target.owner_id !== owner) {
    throw new OpenWorkersError(
      "FORBIDDEN",
      `${name} is to be the worker "${want.worker}", which belongs to another owner.`,
      { hint: "A worker is bound to its own owner's workers only." },
    );
  }
  const { entrypoint, props } = want;
  return {
    binding: { kind: "worker", workerId: target.id, entrypoint, props },
    bound: {
      name,
      kind: "worker",
      resource: want.worker,
      ...(entrypoint === undefined ? {} : { entrypoint }),
    },
  };
}

type ResourceBinding = Extract<Binding, { kind: "kv" | "storage" | "database" | "hyperdrive" | "queue" }>;

/** What a binding of the kind points at. */
const resourceOf: Readonly<Record<ResourceBinding["kind"], ResourceKind>> = {
  kv: "kv",
  storage: "storage",
  database: "database",
  hyperdrive: "database",
  queue: "queue",
};

function toBinding(kind: ResourceBinding["kind"], id: ResourceIds[ResourceKind]): Binding {
  switch (kind) {
    case "kv":
      return { kind, namespaceId: id as ResourceIds["kv"] };
    case "storage":
      return { kind, bucketId: id as ResourceIds["storage"] };
    case "queue":
      return { kind, queueId: id as ResourceIds["queue"] };
    default:
      return { kind, databaseId: id as ResourceIds["database"] };
  }
}
