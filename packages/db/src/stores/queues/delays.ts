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

/** What became of a message that was due: one that is kept is due again in the next round. */
export type DelayEnd = "published" | "kept";

/** Of one queue, in a round: the others' turn comes in the same round. */
const perQueue = 100;

/**
 * Hands up to `limit` messages that are due to `publish`, each queue's oldest first, and removes those that it published;
 * nobody else is handed them meanwhile. One that fails in between is handed over again: publish under ids.
 *
 * @param except queues whose messages stay where they are
 * @returns how many were due, and of the others when the next one is, in milliseconds from now
 */
export async function takeDue(
  database: StoreDatabase,
  { limit, except }: { readonly limit: number; readonly except: readonly QueueId[] },
  publish: (messages: readonly DelayedMessage[]) => Promise<readonly DelayEnd[]>,
): Promise<{ readonly taken: number; readonly nextMs: number | undefined }> {
  return database.write(async (transaction) => {
    const { rows: due } = await sql<Omit<DelayedMessage, "sentAt"> & { readonly sentAt: Date }>`
      select due.* from (
        select id from queues where id <> all (${except}::uuid[]) order by random()
      ) as queues cross join lateral (
        select queue_id as "queueId", message_id as id, attempts, sent_at as "sentAt", content_type as "contentType", body
        from queue_delays where queue_id = queues.id and due_at <= now()
        order by due_at limit ${perQueue} for update skip locked
      ) as due
      limit ${limit}`.execute(transaction);
    if (due.length > 0) {
      const ends = await publish(due.map((row) => ({ ...row, sentAt: row.sentAt.getTime() })));
      const done = due.filter((_, index) => ends[index] === "published");
      await sql`delete from queue_delays using unnest(
          ${done.map(({ queueId }) => queueId)}::uuid[], ${done.map(({ id }) => id)}::uuid[],
          ${done.map(({ attempts }) => attempts)}::int[]
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
