import { isId, type OpenWorkersError, type UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { Scope } from "../http/call.ts";
import { notFound } from "../http/not-found.ts";
import { notAllowed, type Right } from "./account.ts";

/** Something that an account owns. */
export interface Owned<Id extends string> {
  readonly id: Id;
  readonly name: string;
  readonly owner: UserId;
}

/** Kinds of things: where they are, how they are called, and what of `caller_may` they are. */
const kinds = {
  worker: { table: "workers", noun: "worker", resource: "workers", unique: true, list: "/workers" },
  environment: {
    table: "environments",
    noun: "environment",
    resource: "workers",
    unique: false,
    list: "/environments",
  },
  kv: { table: "kv_namespaces", noun: "KV namespace", resource: "kv", unique: false, list: "/kv" },
  storage: { table: "storage_buckets", noun: "bucket", resource: "storage", unique: false, list: "/storage" },
  database: {
    table: "databases",
    noun: "database",
    resource: "databases",
    unique: false,
    list: "/databases",
  },
  queue: { table: "queues", noun: "queue", resource: "queues", unique: false, list: "/queues" },
} as const;
export type OwnedKind = keyof typeof kinds;

export interface Wanted {
  readonly nameOrId: string;
  /** Name or id of the account in which a name is looked for; the caller's own without. */
  readonly account?: string | undefined;
  readonly action: Right["action"];
  /** Instead of the kind's own: a worker's logs are `logs`. */
  readonly resource?: Right["resource"];
  /** Keeps others from changing or deleting it until the transaction ends. */
  readonly lock?: boolean;
}

/**
 * What the caller calls `nameOrId`, or has that id, when they may do with it what they want to. What they may not even
 * read is as good as none.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN
 */
export async function find<Id extends string>(
  { queries, caller }: Scope,
  kind: OwnedKind,
  { nameOrId, account, action, resource = kinds[kind].resource, lock = false }: Wanted,
): Promise<Owned<Id>> {
  const { table, unique } = kinds[kind];
  const owner = account ?? caller;
  const { rows } = await sql<Owned<Id> & { readable: boolean; allowed: boolean }>`
    select thing.id, thing.name, thing.owner_id as owner,
      caller_may(owner_id, ${kinds[kind].resource}, 'read') as readable,
      caller_may(owner_id, ${resource}, ${action}) as allowed
    from ${sql.table(table)} as thing
    where (${isId(nameOrId) ? sql`thing.id = ${nameOrId}` : sql`false`}
      or (thing.name = ${nameOrId} and ${
        unique
          ? sql`true`
          : sql`owner_id = (select id from users where ${isId(owner) ? sql`id = ${owner}` : sql`name = ${owner}`})`
      }))
      ${kind === "database" ? sql`and state <> 'deleting'` : sql``}
    order by thing.name = ${nameOrId}
    limit 1`.execute(queries);
  const [found] = rows;
  if (found === undefined || !found.readable) {
    throw noneOf(kind, nameOrId, account);
  }
  if (!found.allowed) throw notAllowed({ resource, action });
  if (lock) {
    const locked =
      await sql`select from ${sql.table(table)} where id = ${found.id} for no key update`.execute(queries);
    if (locked.rows.length === 0) throw noneOf(kind, nameOrId, account);
  }
  return { id: found.id, name: found.name, owner: found.owner };
}

/** As `find` says it of what is not there, or may not be read. */
export function noneOf(kind: OwnedKind, nameOrId: string, account?: string): OpenWorkersError {
  const { noun, list } = kinds[kind];
  return notFound(
    `There is no ${noun} "${nameOrId}".`,
    account === undefined ? list : `${list}?account=${account}`,
  );
}
