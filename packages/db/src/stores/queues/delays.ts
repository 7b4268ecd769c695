import {
  OpenWorkersError,
  type QueueContentType,
  type QueueId,
  type QueueMessageId,
} from "@openworkers/core";
import { sql } from "kysely";
import type { DatabaseAccess, StoreDatabase } from "../../database.ts";
import { errorCode } from "../../faults.ts";

/** Messages of one queue that may wait for their time. */
export const maxDelayedMessages = 100_000;
/** And the bytes of their bodies. */
export const maxDelayedBytes = 2 ** 30;

export interface DelayedMessage {
  readonly queueId: QueueId;
  readonly id: QueueMessageId;
  /** Deliveries that have failed. */
  readonly attempts: number;
  /** Unix milliseconds. */
  readonly sentAt: number;
  readonly contentType: QueueContentType;
  readonly body: Uint8Array;
}

/**
 * Keeps messages until they are due, all of them or none. One that is kept already is kept once.
 *
 * @throws OpenWorkersError NOT_FOUND when the queue is gone, DATABASE_UNAVAILABLE
 */
export async function delayMessages(
  database: DatabaseAccess,
  messages: readonly (DelayedMessage & { readonly delaySeconds: number })[],
): Promise<void> {
  const rows = messages.map((message) => ({
    queue_id: message.queueId,
    message_id: message.id,
    attempts: message.attempts,
    // By the clock of the server, as those who look for what is due.
    due_at: sql<Date>`now() + ${message.delaySeconds} * interval '1 s'`,
    sent_at: new Date(message.sentAt),
    content_type: message.contentType,
    body: message.body,
  }));
  await database.write(async (transaction) => {
    try {
      await transaction
        .insertInto("queue_delays")
        .values(rows)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    } catch (thrown) {
      if (errorCode(thrown) !== "23503") throw thrown;
      throw new OpenWorkersError("NOT_FOUND", "The queue is gone.", { cause: thrown });
    }
  });
}

/** How many of a queue's messages wait for their time; counted up to `upTo`. */
export async function countDelayed(
  database: DatabaseAccess,
  queueId: QueueId,
  upTo = maxDelayedMessages,
): Promise<number> {
  const { rows } = await database.read((queries) =>
    sql<{ count: number }>`select count(*)::int as count from (
      select from queue_delays where queue_id = ${queueId} limit ${upTo}
    ) as counted`.execute(queries),
  );
  return rows[0]?.count ?? 0;
}

/** How many bytes the bodies of a queue's messages have that wait for their time. */
export async function delayedBytes(database: DatabaseAccess, queueId: QueueId): Promise<number> {
  const { rows } = await database.read((queries) =>
    sql<{ bytes: number }>`select coalesce(sum(octet_length(body)), 0)::float8 as bytes
      from queue_delays where queue_id = ${queueId}`.execute(queries),
  );
  return rows[0]?.bytes ?? 0;
}

/** What became of a message that was due: published, or to be tried again after so many seconds. */
export type DelayEnd = "published" | { readonly again: number };

/**
 * Hands up to `limit` messages that are due to `publish`, the oldest first, and removes those that it published; nobody
 * else is handed them meanwhile. One that fails in between is handed over again: publish under ids.
 *
 * @returns how many were due, and of the others when the next one is, in milliseconds from now
 */
export async function takeDue(
  database: StoreDatabase,
  limit: number,
  publish: (messages: readonly DelayedMessage[]) => Promise<readonly DelayEnd[]>,
): Promise<{ readonly taken: number; readonly nextMs: number | undefined }> {
  return database.write(async (transaction) => {
    const due = await transaction
      .selectFrom("queue_delays")
      .selectAll()
      .where("due_at", "<=", sql<Date>`now()`)
      .orderBy("due_at")
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .execute();
    if (due.length > 0) {
      const ends = await publish(
        due.map((row) => ({
          queueId: row.queue_id,
          id: row.message_id,
          attempts: row.attempts,
          sentAt: row.sent_at.getTime(),
          contentType: row.content_type,
          body: row.body,
        })),
      );
      for (const [index, { queue_id, message_id, attempts }] of due.entries()) {
        const end = ends[index];
        if (end === undefined || end === "published") continue;
        await transaction
          .updateTable("queue_delays")
          .set({ due_at: sql<never>`now() + ${end.again} * interval '1 s'` } as never)
          .where("queue_id", "=", queue_id)
          .where("message_id", "=", message_id)
          .where("attempts", "=", attempts)
          .execute();
      }
      const done = due.filter((_, index) => ends[index] === "published");
      await sql`delete from queue_delays using unnest(
          ${done.map((row) => row.queue_id)}::uuid[], ${done.map((row) => row.message_id)}::uuid[],
          ${done.map((row) => row.attempts)}::int[]
        ) as done (queue_id, message_id, attempts)
        where queue_delays.queue_id = done.queue_id and queue_delays.message_id = done.message_id
          and queue_delays.attempts = done.attempts`.execute(transaction);
    }
    const { rows } = await sql<{ ms: number | null }>`
      select ceil(extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as ms
      from queue_delays where due_at > now()`.execute(transaction);
    return { taken: due.length, nextMs: rows[0]?.ms ?? undefined };
  });
}
