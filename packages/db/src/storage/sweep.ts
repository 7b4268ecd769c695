import { storageLimits } from "@openworkers/core";
import { sql } from "kysely";
import type { StoreDatabase } from "../database.ts";

export interface SweepOptions {
  /** How long a loose blob must have been left alone; 5 minutes unless given. */
  readonly idleMs?: number;
  /** Asked between two steps. */
  readonly stopped?: () => boolean;
}

export interface Swept {
  readonly blobs: number;
  readonly uploads: number;
}

/** Chunks that one statement removes: 64 MB. */
const chunksPerDelete = 256;

/**
 * Aborts uploads that are older than a week and removes blobs that belong to nothing. Any number of processes
 * may sweep at once. Returns what it removed.
 */
export async function sweepStorage(
  database: StoreDatabase,
  { idleMs = 5 * 60_000, stopped = () => false }: SweepOptions = {},
): Promise<Swept> {
  const uploads = await database.read((queries) =>
    queries
      .deleteFrom("storage_uploads")
      .where("created_at", "<", sql<Date>`now() - make_interval(days => ${storageLimits.uploadDays})`)
      .executeTakeFirst(),
  );
  let blobs = 0;
  while (!stopped() && (await sweepBlob(database, idleMs, stopped))) blobs += 1;
  return { blobs, uploads: Number(uploads.numDeletedRows) };
}

/** Removes one blob, a part at a time, for a gigabyte takes long. */
async function sweepBlob(database: StoreDatabase, idleMs: number, stopped: () => boolean): Promise<boolean> {
  for (;;) {
    const step = await database.write(async (transaction) => {
      const loose = await transaction
        .selectFrom("storage_blobs")
        .select("id")
        .where("version", "is", null)
        .where("upload_id", "is", null)
        .where("touched_at", "<", sql<Date>`now() - make_interval(secs => ${idleMs / 1_000})`)
        .orderBy("touched_at")
        .limit(1)
        .forUpdate()
        .skipLocked()
        .executeTakeFirst();
      if (loose === undefined) return "none";
      const { numAffectedRows = 0n } = await sql`
        delete from storage_chunks where ctid = any(array(
          select ctid from storage_chunks where blob_id = ${loose.id} limit ${chunksPerDelete}))`.execute(
        transaction,
      );
      if (numAffectedRows === BigInt(chunksPerDelete)) return "more";
      await transaction.deleteFrom("storage_blobs").where("id", "=", loose.id).execute();
      return "done";
    });
    if (step !== "more" || stopped()) return step === "done";
  }
}
