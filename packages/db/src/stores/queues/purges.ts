import type { QueueId, UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { StoreDatabase } from "../../database.ts";
import { audit } from "../audit.ts";
import { ownedResource } from "../resources.ts";

/** Messages that are to be removed from the bus. */
export interface QueuePurge {
  readonly queueId: QueueId;
  readonly requestedAt: Date;
  /** The queue is deleted: nobody will take its messages any more. */
  readonly deleted: boolean;
}

/**
 * Has all messages of a queue removed: the delayed ones now, those on the bus as soon as a runner is told.
 *
 * @returns how many delayed ones there were
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN
 */
export async function purgeQueue(
  database: StoreDatabase,
  { nameOrId, by }: { readonly nameOrId: string; readonly by: UserId },
): Promise<number> {
  return database.write(async (transaction) => {
    const { id, name, owner } = await ownedResource(transaction, "queue", { nameOrId, by });
    const { numDeletedRows } = await transaction
      .deleteFrom("queue_delays")
      .where("queue_id", "=", id)
      .executeTakeFirst();
    await transaction
      .insertInto("queue_purges")
      .values({ queue_id: id })
      .onConflict((conflict) => conflict.column("queue_id").doUpdateSet({ requested_at: sql<Date>`now()` }))
      .execute();
    await audit(transaction, by, "queue.purge", name, {}, owner);
    return Number(numDeletedRows);
  });
}

export async function loadQueuePurges(database: StoreDatabase): Promise<QueuePurge[]> {
  return database.read((queries) =>
    queries
      .selectFrom("queue_purges")
      .leftJoin("queues", "queues.id", "queue_id")
      .select((eb) => [
        "queue_id as queueId",
        "requested_at as requestedAt",
        eb("queues.id", "is", null).$castTo<boolean>().as("deleted"),
      ])
      .execute(),
  );
}

/** Says that a purge is done, unless another one has been asked for since. */
export async function finishPurge(
  database: StoreDatabase,
  { queueId, requestedAt }: QueuePurge,
): Promise<void> {
  await database.write((transaction) =>
    transaction
      .deleteFrom("queue_purges")
      .where("queue_id", "=", queueId)
      // A Date knows milliseconds, the row microseconds.
      .where(sql<Date>`date_trunc('milliseconds', requested_at)`, "=", requestedAt)
      .execute(),
  );
}
