import {
  type DatabaseId,
  type DatabaseLimits,
  isId,
  newId,
  OpenWorkersError,
  resolveDatabaseLimits,
  seal,
  type UserId,
} from "@openworkers/core";
import { sql } from "kysely";
import { parseAddress } from "../address.ts";
import type { Queries, StoreDatabase } from "../database.ts";
import { errorCode } from "../faults.ts";
import { audit } from "./audit.ts";
import { resourceUsers } from "./resource-users.ts";
import { checkResourceName, findResource, ownedResource, type Resource } from "./resources.ts";
import { lockActiveKey } from "./sealing-keys.ts";
import { mustOwn } from "./users.ts";

export interface NewDatabase {
  readonly name: string;
  readonly limits: Partial<DatabaseLimits>;
  readonly by: UserId;
  /** Whose it is; `by`'s unless given. */
  readonly owner?: UserId;
}

export interface DeleteDatabase {
  readonly nameOrId: string;
  readonly by: UserId;
  /** Whether a dump of it is kept for a while; it is unless told otherwise. */
  readonly keepDump?: boolean;
}

/** What is kept of a deleted database. */
export interface DatabaseDump {
  /** The database's own id. */
  readonly id: DatabaseId;
  readonly name: string;
  /** The machine, and the file on it. */
  readonly host: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/**
 * Says that a database is wanted, `fork` as a copy of another one; whoever needs it first makes it.
 *
 * @throws OpenWorkersError INVALID_NAME, INVALID_LIMIT, CONFLICT (`by` has one so named), of `fork` NOT_FOUND, FORBIDDEN and
 * INVALID_INPUT (it is on a server of its owner's)
 */
export async function createDatabase(
  database: StoreDatabase,
  { name, limits, by, owner = by, fork }: NewDatabase & { readonly fork?: string },
): Promise<DatabaseId> {
  check(name, limits);
  return database.write(async (transaction) => {
    await mustOwn(transaction, by, owner, "The account");
    const source = fork === undefined ? undefined : await sourceOf(transaction, fork, by);
    const id = newId<"database">();
    await insert(transaction, name, {
      id,
      owner_id: owner,
      name,
      limits: { ...source?.limits, ...limits },
      forked_from: source?.id ?? null,
    });
    const details = source === undefined ? { limits } : { limits, fork: source.name };
    await audit(transaction, by, "database.create", name, details, owner);
    return id;
  });
}

/**
 * A database on a server of the owner's, which is ready as it is. Its URL is sealed.
 *
 * @throws OpenWorkersError INVALID_NAME, INVALID_LIMIT, CONFLICT, CONFIG_INVALID (the URL), SECRET_UNREADABLE
 */
export async function createExternalDatabase(
  database: StoreDatabase,
  { name, limits, by, owner = by, url }: NewDatabase & { readonly url: string },
): Promise<DatabaseId> {
  check(name, limits);
  const { host } = parseAddress(url);
  return database.write(async (transaction) => {
    await mustOwn(transaction, by, owner, "The account");
    const id = newId<"database">();
    const key = await lockActiveKey(transaction);
    const sealed = await seal(key.publicKey, JSON.stringify({ url }), { databaseId: id });
    await insert(transaction, name, {
      id,
      owner_id: owner,
      name,
      limits,
      kind: "external",
      state: "ready",
      sealed,
      key_id: key.id,
    });
    await audit(transaction, by, "database.create", name, { limits, host }, owner);
    return id;
  });
}

/**
 * Begins the end of a database: its tokens open nothing from now on, and its name is free. What is left is done by whoever
 * looks after the tenants' server.
 *
 * Without a dump it may have begun already: one that fails at its dump is ended so.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, CONFLICT while a live version or an environment binds it, or a copy of it
 * has not been made yet
 */
export async function markDeleting(
  database: StoreDatabase,
  { nameOrId, by, keepDump = true }: DeleteDatabase,
): Promise<{ readonly id: DatabaseId; readonly name: string }> {
  return database.write(async (transaction) => {
    const begun = keepDump ? undefined : await beingDeleted(transaction, nameOrId, by);
    if (begun !== undefined) {
      await transaction
        .updateTable("databases")
        .set({ keep_dump: false, deletion_failure: null })
        .where("id", "=", begun.id)
        .execute();
      await audit(transaction, by, "database.delete", begun.name, { keepDump });
      return begun;
    }
    const { id, name, owner } = await ownedResource(transaction, "database", {
      nameOrId,
      by,
      action: "delete",
    });
    // Waits for deploys that are about to bind it, and makes those to come wait.
    await transaction.selectFrom("databases").select("id").where("id", "=", id).forUpdate().execute();
    const users = await resourceUsers(transaction, "database", id);
    if (users.length > 0) {
      const said = users.map((user) => `${user.worker} (as ${user.binding})`);
      throw new OpenWorkersError("CONFLICT", `The database "${name}" is bound by ${said.join(", ")}.`, {
        hint: "Deploy them without it, or remove the binding: ow bindings remove WORKER NAME",
        details: { users },
      });
    }
    const copy = await transaction
      .selectFrom("databases")
      .select("name")
      .where("forked_from", "=", id)
      .executeTakeFirst();
    if (copy !== undefined) {
      throw new OpenWorkersError("CONFLICT", `The copy "${copy.name}" of "${name}" has not been made yet.`, {
        hint: `Use it once, or delete it: ow databases delete ${copy.name}`,
      });
    }
    await transaction.deleteFrom("database_tokens").where("database_id", "=", id).execute();
    // Versions that are not live lose the binding, as with anything else that is deleted.
    await transaction.deleteFrom("version_bindings").where("database_id", "=", id).execute();
    await transaction
      .updateTable("databases")
      .set({ state: "deleting", forked_from: null, keep_dump: keepDump })
      .where("id", "=", id)
      .execute();
    await audit(transaction, by, "database.delete", name, keepDump ? undefined : { keepDump }, owner);
    return { id, name };
  });
}

/** A database that is being deleted already: by its id, or by its name when `by` has none in use that is so called. */
async function beingDeleted(
  transaction: Queries,
  nameOrId: string,
  by: UserId,
): Promise<{ readonly id: DatabaseId; readonly name: string } | undefined> {
  const deleting = transaction
    .selectFrom("databases")
    .select(["id", "name", "owner_id"])
    .where("state", "=", "deleting");
  if (isId<"database">(nameOrId)) {
    const found = await deleting.where("id", "=", nameOrId).executeTakeFirst();
    if (found !== undefined) {
      await mustOwn(transaction, by, found.owner_id, `The database ${nameOrId}`, "delete");
      return { id: found.id, name: found.name };
    }
  }
  if ((await findResource(transaction, "database", { nameOrId, owner: by })) !== undefined) return undefined;
  const named = await deleting
    .where("name", "=", nameOrId)
    .where("owner_id", "=", by)
    .orderBy("id", "desc")
    .executeTakeFirst();
  return named === undefined ? undefined : { id: named.id, name: named.name };
}

/** Writes down why a deletion could not be finished. */
export async function deletionFailed(database: StoreDatabase, id: DatabaseId, why: string): Promise<void> {
  await database.write((transaction) =>
    transaction
      .updateTable("databases")
      .set({ deletion_failure: why })
      .where("id", "=", id)
      .where("state", "=", "deleting")
      .execute(),
  );
}

/** Databases whose deletion could not be finished, the oldest first. */
export async function stuckDeletions(database: StoreDatabase): Promise<Resource<"database">[]> {
  return database.read((queries) =>
    queries
      .selectFrom("databases")
      .innerJoin("users", "users.id", "owner_id")
      .select(["databases.id", "databases.name", "users.name as owner", "databases.created_at as createdAt"])
      .where("deletion_failure", "is not", null)
      .orderBy("databases.id")
      .execute(),
  );
}

/** Forgets a database that is gone from its server. */
export async function databaseDropped(database: StoreDatabase, id: DatabaseId): Promise<void> {
  await database.write((transaction) =>
    transaction.deleteFrom("databases").where("id", "=", id).where("state", "=", "deleting").execute(),
  );
}

/** Remembers where a dump of a database that is being deleted was put. Again is no error. */
export async function databaseDumped(
  database: StoreDatabase,
  { id, name, host, path, sizeBytes, expiresAt }: Omit<DatabaseDump, "createdAt">,
): Promise<void> {
  await database.write((transaction) =>
    transaction
      .insertInto("database_dumps")
      .columns(["id", "owner_id", "database_name", "host", "path", "size_bytes", "expires_at"])
      .expression(({ selectFrom }) =>
        selectFrom("databases")
          .select((row) => [
            "databases.id",
            "owner_id",
            row.val(name).as("database_name"),
            row.val(host).as("host"),
            row.val(path).as("path"),
            row.val(sizeBytes).as("size_bytes"),
            row.val(expiresAt).as("expires_at"),
          ])
          .where("databases.id", "=", id),
      )
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute(),
  );
}

/** The dump that was made of a deleted database; undefined when there is none. */
export async function findDump(database: StoreDatabase, id: DatabaseId): Promise<DatabaseDump | undefined> {
  return database.read((queries) => selectDumps(queries).where("id", "=", id).executeTakeFirst());
}

/** What is kept of deleted databases, the newest first. */
export async function listDumps(database: StoreDatabase): Promise<DatabaseDump[]> {
  return database.read((queries) => selectDumps(queries).orderBy("created_at", "desc").execute());
}

/** Those on one machine that need be kept no longer. */
export async function expiredDumps(database: StoreDatabase, host: string): Promise<DatabaseDump[]> {
  return database.read((queries) =>
    selectDumps(queries).where("host", "=", host).where("expires_at", "<", sql<Date>`now()`).execute(),
  );
}

export async function forgetDump(database: StoreDatabase, id: DatabaseId): Promise<void> {
  await database.write((transaction) =>
    transaction.deleteFrom("database_dumps").where("id", "=", id).execute(),
  );
}

/** Removes tokens that expired a day ago or longer: until then they are listed, so that it is seen why one is refused. */
export async function deleteExpiredTokens(database: StoreDatabase): Promise<void> {
  await database.write((transaction) =>
    transaction
      .deleteFrom("database_tokens")
      .where("expires_at", "<", sql<Date>`now() - interval '1 day'`)
      .execute(),
  );
}

function check(name: string, limits: Partial<DatabaseLimits>): void {
  checkResourceName("database", name);
  resolveDatabaseLimits(limits);
}

async function sourceOf(transaction: Queries, nameOrId: string, by: UserId) {
  const { id, name } = await ownedResource(transaction, "database", { nameOrId, by });
  const source = await transaction
    .selectFrom("databases")
    .select(["kind", "limits"])
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  if (source.kind === "external") {
    throw new OpenWorkersError("INVALID_INPUT", `"${name}" is on a server of its owner's.`, {
      field: "fork",
      hint: `Copy it by a dump: ow databases dump ${name} FILE, create NEW, restore NEW FILE`,
    });
  }
  return { id, name, limits: source.limits };
}

async function insert(
  transaction: Queries,
  name: string,
  row: Parameters<ReturnType<typeof into>["values"]>[0],
): Promise<void> {
  try {
    await into(transaction).values(row).execute();
  } catch (thrown) {
    if (errorCode(thrown) !== "23505") throw thrown;
    throw new OpenWorkersError("CONFLICT", `There is a database "${name}" already.`, { cause: thrown });
  }
}

function into(transaction: Queries) {
  return transaction.insertInto("databases");
}

function selectDumps(queries: Queries) {
  return queries
    .selectFrom("database_dumps")
    .select([
      "id",
      "database_name as name",
      "host",
      "path",
      "size_bytes as sizeBytes",
      "created_at as createdAt",
      "expires_at as expiresAt",
    ]);
}
