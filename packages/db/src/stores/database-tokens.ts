import { createHash } from "node:crypto";
import {
  type DatabaseId,
  type DatabaseScope,
  type DatabaseTokenId,
  databaseScopes,
  newId,
  OpenWorkersError,
  type UserId,
} from "@openworkers/core";
import { sql } from "kysely";
import type { StoreDatabase } from "../database.ts";
import { errorCode } from "../faults.ts";
import { audit } from "./audit.ts";

/** A database's token, without what would let anybody use it. */
export interface DatabaseToken {
  readonly id: DatabaseTokenId;
  readonly databaseId: DatabaseId;
  readonly name: string;
  readonly scope: DatabaseScope;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface NewDatabaseToken {
  readonly databaseId: DatabaseId;
  /** 1 to 64 characters; one of a kind among the database's. */
  readonly name: string;
  readonly scope: DatabaseScope;
  readonly expiresAt?: Date | undefined;
  readonly by: UserId;
}

const prefix = "owdb_";
/** How a token looks: 256 random bits in base64url, and before them what secret scanners know it by. */
const form = /^owdb_[A-Za-z0-9_-]{43}$/;

/**
 * Makes a token and returns its text, which is nowhere else and cannot be had again.
 *
 * @throws OpenWorkersError INVALID_INPUT, CONFLICT (the name is taken), NOT_FOUND (the database is gone)
 */
export async function createDatabaseToken(
  database: StoreDatabase,
  { databaseId, name, scope, expiresAt, by }: NewDatabaseToken,
): Promise<{ readonly id: DatabaseTokenId; readonly token: string }> {
  if (name.length < 1 || name.length > 64) {
    throw new OpenWorkersError("INVALID_INPUT", "A token's name has 1 to 64 characters.", { field: "name" });
  }
  if (!databaseScopes.includes(scope)) {
    throw new OpenWorkersError("INVALID_INPUT", `A token's scope is one of ${databaseScopes.join(", ")}.`, {
      field: "scope",
    });
  }
  if (expiresAt !== undefined && !(expiresAt.getTime() > Date.now())) {
    throw new OpenWorkersError("INVALID_INPUT", "A token expires in the future.", { field: "expiresAt" });
  }
  const token =
    prefix +
    crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
  const id = newId<"database-token">();
  await database.write(async (transaction) => {
    const target = await transaction
      .selectFrom("databases")
      .select(["name", "owner_id"])
      .where("id", "=", databaseId)
      .where("state", "<>", "deleting")
      .forKeyShare()
      .executeTakeFirst();
    if (target === undefined) throw new OpenWorkersError("NOT_FOUND", "The database has been deleted.");
    try {
      await transaction
        .insertInto("database_tokens")
        .values({
          id,
          database_id: databaseId,
          name,
          scope,
          hash: hashOf(token),
          created_by: by,
          expires_at: expiresAt ?? null,
        })
        .execute();
    } catch (thrown) {
      if (errorCode(thrown) !== "23505") throw thrown;
      throw new OpenWorkersError("CONFLICT", `The database "${target.name}" has a token "${name}" already.`, {
        hint: "Give this one another name, or revoke that one first.",
        cause: thrown,
      });
    }
    await audit(
      transaction,
      by,
      "database_token.create",
      target.name,
      { token: name, scope, expiresAt },
      target.owner_id,
    );
  });
  return { id, token };
}

/** The tokens of a database by name. Those that have expired are among them. */
export async function listDatabaseTokens(
  database: StoreDatabase,
  databaseId: DatabaseId,
): Promise<DatabaseToken[]> {
  return database.read((queries) =>
    queries
      .selectFrom("database_tokens")
      .select([
        "id",
        "database_id as databaseId",
        "name",
        "scope",
        "created_at as createdAt",
        "expires_at as expiresAt",
        "last_used_at as lastUsedAt",
      ])
      .where("database_id", "=", databaseId)
      .orderBy("name")
      .execute(),
  );
}

/** Revokes a token: sessions that began with it end. @throws OpenWorkersError NOT_FOUND */
export async function revokeDatabaseToken(
  database: StoreDatabase,
  { databaseId, name, by }: { readonly databaseId: DatabaseId; readonly name: string; readonly by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const target = await transaction
      .selectFrom("databases")
      .select(["name", "owner_id"])
      .where("id", "=", databaseId)
      .executeTakeFirst();
    const { numDeletedRows } = await transaction
      .deleteFrom("database_tokens")
      .where("database_id", "=", databaseId)
      .where("name", "=", name)
      .executeTakeFirst();
    if (target === undefined || numDeletedRows === 0n) {
      throw new OpenWorkersError("NOT_FOUND", `The database has no token "${name}".`, {
        hint: "Those that it has: ow databases tokens list NAME",
      });
    }
    await audit(transaction, by, "database_token.revoke", target.name, { token: name }, target.owner_id);
  });
}

/** What a token is good for; undefined when it is unknown, has expired, or its database is being deleted. */
export async function findDatabaseToken(
  database: StoreDatabase,
  token: string,
): Promise<Pick<DatabaseToken, "id" | "databaseId" | "name" | "scope" | "expiresAt"> | undefined> {
  if (!form.test(token)) return undefined;
  const rows = await database.prepared<
    Pick<DatabaseToken, "id" | "databaseId" | "name" | "scope" | "expiresAt">
  >(
    {
      name: "find_database_token",
      text: `select database_tokens.id, database_id as "databaseId", database_tokens.name, scope, expires_at as "expiresAt"
        from database_tokens join databases on databases.id = database_id
        where hash = $1 and (expires_at is null or expires_at > now()) and state <> 'deleting'`,
    },
    [hashOf(token)],
  );
  return rows[0];
}

/** Remembers that tokens were used, to the minute. */
export async function databaseTokensUsed(
  database: StoreDatabase,
  ids: readonly DatabaseTokenId[],
): Promise<void> {
  if (ids.length === 0) return;
  await database.write((transaction) =>
    transaction
      .updateTable("database_tokens")
      .set({ last_used_at: new Date() })
      .where("id", "in", ids)
      .where(({ eb, or }) =>
        or([eb("last_used_at", "is", null), eb("last_used_at", "<", sql<Date>`now() - interval '1 minute'`)]),
      )
      .execute(),
  );
}

function hashOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
