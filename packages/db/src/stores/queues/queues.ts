import {
  newId,
  OpenWorkersError,
  type QueueContentType,
  type QueueId,
  queueLimits,
  type UserId,
} from "@openworkers/core";
import { sql } from "kysely";
import type { StoreDatabase } from "../../database.ts";
import { audit } from "../audit.ts";
import { ownedResource } from "../resources.ts";
import { type ListedConsumer, listQueueConsumers } from "./consumers.ts";
import { delayMessages } from "./delays.ts";

export interface Queue {
  readonly id: QueueId;
  readonly name: string;
  /** Name of the user it belongs to. */
  readonly owner: string;
  readonly createdAt: Date;
  readonly paused: boolean;
  /** Messages that wait for their time. Those that could be delivered are on the bus, and not counted. */
  readonly delayed: number;
  readonly consumer: ListedConsumer | undefined;
}

/** All queues, by name. */
export async function listQueues(database: StoreDatabase): Promise<Queue[]> {
  const consumers = new Map(
    (await listQueueConsumers(database)).map((consumer) => [consumer.queueId, consumer]),
  );
  const rows = await database.read((queries) =>
    queries
      .selectFrom("queues")
      .innerJoin("users", "users.id", "queues.owner_id")
      .select(["queues.id", "queues.name", "users.name as owner", "queues.created_at as createdAt", "paused"])
      .select(
        sql<number>`(select count(*) from queue_delays where queue_id = queues.id)::float8`.as("delayed"),
      )
      .orderBy("queues.name")
      .execute(),
  );
  return rows.map((row) => ({ ...row, consumer: consumers.get(row.id) }));
}

/** Stops, or goes on with, the delivery of a queue's messages. @throws OpenWorkersError NOT_FOUND, FORBIDDEN */
export async function pauseQueue(
  database: StoreDatabase,
  { nameOrId, paused, by }: { readonly nameOrId: string; readonly paused: boolean; readonly by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id, name, owner } = await ownedResource(transaction, "queue", { nameOrId, by });
    await transaction.updateTable("queues").set({ paused }).where("id", "=", id).execute();
    await audit(transaction, by, paused ? "queue.pause" : "queue.resume", name, {}, owner);
  });
}

export interface SentMessage {
  readonly nameOrId: string;
  readonly contentType: QueueContentType;
  readonly body: Uint8Array;
  readonly delaySeconds: number;
  readonly by: UserId;
}

/**
 * Sends a message by way of the database: whoever publishes what is due finds it within a second or so.
 *
 * @returns the message's id
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, BODY_TOO_LARGE
 */
export async function sendToQueue(database: StoreDatabase, message: SentMessage): Promise<string> {
  const { nameOrId, contentType, body, delaySeconds, by } = message;
  if (body.byteLength > queueLimits.messageBytes) {
    throw new OpenWorkersError(
      "BODY_TOO_LARGE",
      `The message has ${body.byteLength} bytes; ${queueLimits.messageBytes} are allowed.`,
    );
  }
  const { id: queueId } = await database.read((queries) => ownedResource(queries, "queue", { nameOrId, by }));
  const id = newId<"queue-message">();
  const sentAt = Date.now();
  await delayMessages(database, [{ queueId, id, attempts: 0, sentAt, contentType, body, delaySeconds }]);
  return id;
}
