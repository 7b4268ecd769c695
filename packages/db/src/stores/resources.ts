import {
  type BucketId,
  type DatabaseId,
  isId,
  type KvNamespaceId,
  newId,
  OpenWorkersError,
  type QueueId,
  type UserId,
} from "@openworkers/core";
import { type RawBuilder, sql } from "kysely";
import type { Queries, StoreDatabase } from "../database.ts";
import { errorCode } from "../faults.ts";
import { audit } from "./audit.ts";
import { resourceUsers } from "./resource-users.ts";
import { mustOwn } from "./users.ts";

/** What lives apart from the workers that bind it, and belongs to a user. */
export interface ResourceIds {
  kv: KvNamespaceId;
  storage: BucketId;
  database: DatabaseId;
  queue: QueueId;
}
export type ResourceKind = keyof ResourceIds;

export interface Resource<Kind extends ResourceKind = ResourceKind> {
  readonly id: ResourceIds[Kind];
  readonly name: string;
  /** Name of the user it belongs to. */
  readonly owner: string;
  readonly createdAt: Date;
}

interface Facts {
  readonly table: "kv_namespaces" | "storage_buckets" | "databases" | "queues";
  readonly noun: string;
  readonly action: string;
  /** As the table's constraint has it. */
  readonly pattern: RegExp;
  readonly rule: string;
  readonly create: string;
  readonly list: string;
}

const facts: Readonly<Record<ResourceKind, Facts>> = {
  kv: {
    table: "kv_namespaces",
    noun: "KV namespace",
    action: "kv_namespace",
    pattern: /^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/,
    rule: "Use 1 to 64 letters, digits, hyphens and underscores, the last two not at either end.",
    create: "ow kv create",
    list: "ow kv namespaces",
  },
  storage: {
    table: "storage_buckets",
    noun: "bucket",
    action: "storage_bucket",
    pattern: /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
    rule: "Use 3 to 63 lower-case letters, digits and hyphens, no hyphen at either end.",
    create: "ow storage create",
    list: "ow storage buckets",
  },
  database: {
    table: "databases",
    noun: "database",
    action: "database",
    pattern: /^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/,
    rule: "Use 1 to 64 letters, digits, hyphens and underscores, the last two not at either end.",
    create: "ow databases create",
    list: "ow databases list",
  },
  queue: {
    table: "queues",
    noun: "queue",
    action: "queue",
    pattern: /^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$/,
    rule: "Use 1 to 64 letters, digits, hyphens and underscores, the last two not at either end.",
    create: "ow queues create",
    list: "ow queues list",
  },
};

/** The name of a kind of resource in a sentence: `KV namespace`, `bucket`. */
export function resourceNoun(kind: ResourceKind): string {
  return facts[kind].noun;
}

/** @throws OpenWorkersError INVALID_NAME */
export function checkResourceName(kind: ResourceKind, name: string): void {
  const { pattern, noun, rule } = facts[kind];
  if (pattern.test(name)) return;
  throw new OpenWorkersError("INVALID_NAME", `"${name}" cannot name a ${noun}.`, {
    field: "name",
    hint: rule,
  });
}

/**
 * Makes a resource of `owner`, who is `by` unless given.
 *
 * @throws OpenWorkersError INVALID_NAME, CONFLICT (they have one so named), FORBIDDEN
 */
export async function createResource<Kind extends ResourceKind>(
  database: StoreDatabase,
  kind: Kind,
  { name, by, owner = by }: { readonly name: string; readonly by: UserId; readonly owner?: UserId },
): Promise<ResourceIds[Kind]> {
  return database.write(async (transaction) => {
    await mustOwn(transaction, by, owner, "The account");
    const { id, created } = await ensureResource(transaction, kind, { name, owner, by });
    if (!created) {
      throw new OpenWorkersError("CONFLICT", `There is a ${facts[kind].noun} "${name}" already.`);
    }
    return id;
  });
}

/**
 * The resource that `owner` calls `name`, made when there is none, and kept from being deleted until the
 * transaction ends.
 *
 * @throws OpenWorkersError INVALID_NAME
 */
export async function ensureResource<Kind extends ResourceKind>(
  transaction: Queries,
  kind: Kind,
  { name, owner, by }: { readonly name: string; readonly owner: UserId; readonly by: UserId },
): Promise<{ readonly id: ResourceIds[Kind]; readonly created: boolean }> {
  checkResourceName(kind, name);
  const { table, action, noun } = facts[kind];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const made = await transaction
      .insertInto(table)
      .values({ id: newId<"kv-namespace" & "bucket" & "database" & "queue">(), owner_id: owner, name })
      // Of the name: an id is new. The constraint has one name in one table and another in the next.
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .executeTakeFirst();
    if (made !== undefined) {
      await audit(transaction, by, `${action}.create`, name, {}, owner);
      return { id: made.id as ResourceIds[Kind], created: true };
    }
    const found = await findResource(transaction, kind, { nameOrId: name, owner });
    if (found !== undefined) return { id: found.id, created: false };
    // Deleted between the two statements: as if this had come first.
  }
  throw new OpenWorkersError("CONFLICT", `The ${noun} "${name}" is there and cannot be used.`, {
    hint: "Whoever may make one and not read it sees none; or it was made and deleted all the time.",
  });
}

/**
 * The resource of `owner` that is called `nameOrId`, or has it as its id; somebody else's is as good as none.
 * It cannot be deleted before the transaction ends.
 */
export async function findResource<Kind extends ResourceKind>(
  transaction: Queries,
  kind: Kind,
  { nameOrId, owner }: { readonly nameOrId: string; readonly owner: UserId },
): Promise<{ readonly id: ResourceIds[Kind]; readonly name: string } | undefined> {
  const found = await transaction
    .selectFrom(facts[kind].table)
    .select(["id", "name"])
    .where("owner_id", "=", owner)
    .where(isThere(kind))
    // A name may have the form of an id; the id goes before.
    .where(({ eb, or }) =>
      or([eb("name", "=", nameOrId), ...(isId<never>(nameOrId) ? [eb("id", "=", nameOrId)] : [])]),
    )
    .orderBy(({ eb }) => eb("name", "=", nameOrId))
    .limit(1)
    .forKeyShare()
    .executeTakeFirst();
  return found === undefined ? undefined : { id: found.id as ResourceIds[Kind], name: found.name };
}

/**
 * What `by` calls `nameOrId`, or what has it as its id and is theirs to work on: an operator's is everybody's.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN
 */
export async function getResource<Kind extends ResourceKind>(
  database: StoreDatabase,
  kind: Kind,
  { nameOrId, by }: { readonly nameOrId: string; readonly by: UserId },
): Promise<Resource<Kind>> {
  return database.read(async (queries) => {
    const { id } = await ownedResource(queries, kind, { nameOrId, by });
    const resource = await selectResources(queries, kind)
      .where("id", "=", id as never)
      .executeTakeFirst();
    if (resource === undefined) throw notFound(kind, nameOrId);
    return resource as Resource<Kind>;
  });
}

/** All resources of a kind, or those of one user, by name. */
export async function listResources<Kind extends ResourceKind>(
  database: StoreDatabase,
  kind: Kind,
  owner?: UserId,
): Promise<Resource<Kind>[]> {
  return database.read(async (queries) => {
    const rows = await selectResources(queries, kind)
      .where(({ eb, lit }) => (owner === undefined ? lit(true) : eb("owner_id", "=", owner)))
      .orderBy("name")
      .execute();
    return rows as Resource<Kind>[];
  });
}

/** @throws OpenWorkersError INVALID_NAME, NOT_FOUND, FORBIDDEN, CONFLICT when the owner has one so named. */
export async function renameResource(
  database: StoreDatabase,
  kind: ResourceKind,
  { nameOrId, name, by }: { readonly nameOrId: string; readonly name: string; readonly by: UserId },
): Promise<void> {
  checkResourceName(kind, name);
  const { table, noun, action } = facts[kind];
  await database.write(async (transaction) => {
    const resource = await ownedResource(transaction, kind, { nameOrId, by });
    try {
      await transaction
        .updateTable(table)
        .set({ name })
        .where("id", "=", resource.id as never)
        .execute();
    } catch (thrown) {
      if (errorCode(thrown) !== "23505") throw thrown;
      throw new OpenWorkersError("CONFLICT", `There is a ${noun} "${name}" already.`, { cause: thrown });
    }
    await audit(transaction, by, `${action}.rename`, resource.name, { name }, resource.owner);
  });
}

/**
 * Deletes a resource with all that is in it. Versions that are not live lose the binding.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, CONFLICT while a live version or an environment binds it.
 */
export async function deleteResource(
  database: StoreDatabase,
  kind: ResourceKind,
  { nameOrId, by }: { readonly nameOrId: string; readonly by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id, name, owner } = await ownedResource(transaction, kind, { nameOrId, by, action: "delete" });
    await deleteUnused(transaction, kind, { id, name, by, owner });
  });
}

/** As `deleteResource`, in the caller's transaction. */
export async function deleteUnused(
  transaction: Queries,
  kind: ResourceKind,
  resource: {
    readonly id: ResourceIds[ResourceKind];
    readonly name: string;
    readonly by: UserId;
    readonly owner: UserId;
  },
): Promise<void> {
  const { table, noun, action } = facts[kind];
  const { id, name, by, owner } = resource;
  // Waits for deploys that are about to bind it, and makes those to come wait.
  await transaction
    .selectFrom(table)
    .select("id")
    .where("id", "=", id as never)
    .forUpdate()
    .execute();
  const users = await resourceUsers(transaction, kind, id);
  if (users.length > 0) {
    const said = users.map((user) => `${user.worker} (as ${user.binding})`);
    throw new OpenWorkersError("CONFLICT", `The ${noun} "${name}" is bound by ${said.join(", ")}.`, {
      hint: "Deploy them without it, or remove the binding: ow bindings remove WORKER NAME",
      details: { users },
    });
  }
  await transaction
    .deleteFrom(table)
    .where("id", "=", id as never)
    .execute();
  await audit(transaction, by, `${action}.delete`, name, {}, owner);
}

/** As `getResource`, in the caller's transaction; it cannot be deleted before that ends. */
export async function ownedResource<Kind extends ResourceKind>(
  queries: Queries,
  kind: Kind,
  {
    nameOrId,
    by,
    action,
  }: { readonly nameOrId: string; readonly by: UserId; readonly action?: "write" | "delete" },
): Promise<{ readonly id: ResourceIds[Kind]; readonly name: string; readonly owner: UserId }> {
  const own = await findResource(queries, kind, { nameOrId, owner: by });
  if (own !== undefined) return { ...own, owner: by };
  const { table, noun } = facts[kind];
  if (isId<never>(nameOrId)) {
    const any = await queries
      .selectFrom(table)
      .select(["id", "name", "owner_id"])
      .where("id", "=", nameOrId)
      .where(isThere(kind))
      .executeTakeFirst();
    if (any !== undefined) {
      await mustOwn(queries, by, any.owner_id, `The ${noun} ${nameOrId}`, action);
      return { id: any.id as ResourceIds[Kind], name: any.name, owner: any.owner_id };
    }
  }
  throw notFound(kind, nameOrId);
}

/** What is to be said when a binding wants a resource that its owner does not have. */
export function resourceMissing(kind: ResourceKind, nameOrId: string, binding: string): OpenWorkersError {
  const { message, hint } = notFound(kind, nameOrId);
  return new OpenWorkersError("NOT_FOUND", `${binding} cannot be bound. ${message}`, {
    hint: `${hint}. A deploy makes one for a binding that names none.`,
  });
}

function notFound(kind: ResourceKind, nameOrId: string): OpenWorkersError {
  const { noun, create, list } = facts[kind];
  const example = isId(nameOrId) ? "NAME" : nameOrId;
  return new OpenWorkersError("NOT_FOUND", `There is no ${noun} "${nameOrId}".`, {
    hint: `Create it: ${create} ${example}. Those that there are: ${list}`,
  });
}

function selectResources(queries: Queries, kind: ResourceKind) {
  return queries
    .selectFrom(facts[kind].table)
    .select(({ selectFrom }) => [
      "id",
      "name",
      selectFrom("users").select("users.name").whereRef("users.id", "=", "owner_id").as("owner"),
      "created_at as createdAt",
    ])
    .where(isThere(kind));
}

/** A database that is being deleted is as good as gone. */
function isThere(kind: ResourceKind): RawBuilder<boolean> {
  return kind === "database" ? sql`state <> 'deleting'` : sql`true`;
}
