import {
  type DatabaseId,
  type DatabaseLimits,
  OpenWorkersError,
  resolveDatabaseLimits,
  seal,
  type UserId,
} from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import type { DatabaseKind, DatabaseState } from "../tables.ts";
import { audit } from "./audit.ts";
import { lockActiveKey } from "./sealing-keys.ts";

/** A tenant database as the platform remembers it. */
export interface DatabaseRow {
  readonly id: DatabaseId;
  readonly ownerId: UserId;
  readonly name: string;
  readonly kind: DatabaseKind;
  readonly state: DatabaseState;
  readonly limits: DatabaseLimits;
  readonly sizeBytes: number | null;
  readonly measuredAt: Date | null;
  readonly full: boolean;
  /** What it is to be a copy of, while it is only wanted. */
  readonly forkedFrom: DatabaseId | null;
  /** Whether a dump is made of it when it is deleted. */
  readonly keepDump: boolean;
  /** Why its deletion could not be finished the last time. */
  readonly deletionFailure: string | null;
  readonly createdAt: Date;
}

/** With what opens it: for those who may read that, which a caller of the API may not. */
export interface SealedDatabaseRow extends DatabaseRow {
  /** Sealed for the context `{ databaseId }`; null while it is only wanted. */
  readonly sealed: Uint8Array | null;
}

/** The database with the id, and what opens it; undefined when there is none. */
export async function sealedDatabaseRow(
  database: StoreDatabase,
  id: DatabaseId,
): Promise<SealedDatabaseRow | undefined> {
  const rows = await database.read((queries) =>
    selectRows(queries).select("sealed").where("id", "=", id).execute(),
  );
  return rows.map(toRow)[0];
}

/** The database with the id; undefined when there is none. */
export async function databaseRow(database: StoreDatabase, id: DatabaseId): Promise<DatabaseRow | undefined> {
  const rows = await database.read((queries) => selectRows(queries).where("id", "=", id).execute());
  return rows.map(toRow)[0];
}

/** All databases, or those in one state, the oldest first. */
export async function databaseRows(database: StoreDatabase, state?: DatabaseState): Promise<DatabaseRow[]> {
  const rows = await database.read((queries) =>
    selectRows(queries)
      .where(({ eb, lit }) => (state === undefined ? lit(true) : eb("state", "=", state)))
      .orderBy("id")
      .execute(),
  );
  return rows.map(toRow);
}

/**
 * Says that a database is there, and what opens it. Sealed here, with the public key: whoever makes databases need
 * not be able to open them afterwards.
 *
 * @throws OpenWorkersError NOT_FOUND (it has been deleted meanwhile), SECRET_UNREADABLE
 */
export async function databaseReady(
  database: StoreDatabase,
  id: DatabaseId,
  { kind, opens }: { readonly kind: DatabaseKind; readonly opens: object },
): Promise<void> {
  await database.write(async (transaction) => {
    const key = await lockActiveKey(transaction);
    const sealed = await seal(key.publicKey, JSON.stringify(opens), { databaseId: id });
    const { numUpdatedRows } = await transaction
      .updateTable("databases")
      .set({ kind, state: "ready", sealed, key_id: key.id, forked_from: null })
      .where("id", "=", id)
      .where("state", "<>", "deleting")
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw new OpenWorkersError("NOT_FOUND", "The database has been deleted.");
  });
}

/** Writes down what a database was found to occupy, and, where that is known to have changed, whether it is full. */
export async function databaseMeasured(
  database: StoreDatabase,
  id: DatabaseId,
  { sizeBytes, full }: { readonly sizeBytes: number; readonly full?: boolean },
): Promise<void> {
  await database.write((transaction) =>
    transaction
      .updateTable("databases")
      .set({
        size_bytes: sizeBytes,
        measured_at: new Date(),
        ...(full === undefined ? {} : { is_full: full }),
      })
      .where("id", "=", id)
      .execute(),
  );
}

/** Sets limits over those that it has. @throws OpenWorkersError NOT_FOUND, INVALID_LIMIT */
export async function limitDatabase(
  database: StoreDatabase,
  id: DatabaseId,
  { limits, by }: { readonly limits: Partial<DatabaseLimits>; readonly by: UserId },
): Promise<DatabaseLimits> {
  return database.write(async (transaction) => {
    const row = await transaction
      .selectFrom("databases")
      .select(["name", "limits", "owner_id"])
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw new OpenWorkersError("NOT_FOUND", "The database has been deleted.");
    const wanted = { ...row.limits, ...limits };
    const resolved = resolveDatabaseLimits(wanted);
    await transaction.updateTable("databases").set({ limits: wanted }).where("id", "=", id).execute();
    await audit(transaction, by, "database.limit", row.name, { limits }, row.owner_id);
    return resolved;
  });
}

function selectRows(queries: Queries) {
  return queries
    .selectFrom("databases")
    .select([
      "id",
      "owner_id as ownerId",
      "name",
      "kind",
      "state",
      "limits",
      "size_bytes as sizeBytes",
      "measured_at as measuredAt",
      "is_full as full",
      "forked_from as forkedFrom",
      "keep_dump as keepDump",
      "deletion_failure as deletionFailure",
      "created_at as createdAt",
    ]);
}

function toRow<Row extends { readonly limits: Partial<DatabaseLimits> }>(row: Row) {
  return { ...row, limits: resolveDatabaseLimits(row.limits) };
}
