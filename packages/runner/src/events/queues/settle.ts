import { createHash } from "node:crypto";
import type { Bus, Message } from "@openworkers/bus";
import {
  encodePayload,
  type QueueId,
  type QueueMessage,
  type QueueMessageId,
  queueBusId,
  queueLimits,
  queueSubject,
} from "@openworkers/core";
import { type Database, delayMessages, type QueueDelivery } from "@openworkers/db";
import type { QueueRoom } from "../../bindings/queue/queue-room.ts";

/** A message of a queue in this runner's hands. */
export interface HeldMessage {
  readonly message: QueueMessage;
  /** What the bus is told of it. */
  readonly delivery: Pick<Message, "ack" | "retry" | "drop" | "working">;
}

export interface SettleOptions {
  readonly bus: Pick<Bus, "publish">;
  readonly database: Database;
  readonly room: Pick<QueueRoom, "toPublish" | "toDelay">;
}

/** What became of a message: `dead` when it went to the dead-letter queue, `dropped` when there is none. */
export type Settled = "acknowledged" | "retried" | "dead" | "dropped";

/**
 * Counts a failed delivery: the message is stored anew, for later or elsewhere, before this delivery is acknowledged. Where
 * that cannot be, or is not known to have been, the bus delivers it again, and what is then stored twice is stored once by
 * its id.
 *
 * @param delaySeconds the queue's own delay without
 * @throws OpenWorkersError BUS_UNAVAILABLE, BUS_FULL, DATABASE_UNAVAILABLE, NOT_FOUND when the queue is gone, OVERLOADED
 * when too much waits in it already: nothing is acknowledged then
 */
export async function settleFailed(
  { message, delivery }: HeldMessage,
  queue: Pick<QueueDelivery, "maxRetries" | "retryDelay" | "deadLetterQueueId">,
  delaySeconds: number | undefined,
  options: SettleOptions,
): Promise<Settled> {
  const attempts = message.attempts + 1;
  if (attempts <= queue.maxRetries) {
    await again({ ...message, attempts }, delayOf(delaySeconds ?? queue.retryDelay), options);
    await delivery.ack();
    return "retried";
  }
  const { deadLetterQueueId } = queue;
  if (deadLetterQueueId === null) {
    await delivery.ack();
    return "dropped";
  }
  const id = deadLetterId(message);
  await options.room.toPublish(deadLetterQueueId, [Buffer.byteLength(message.body, "base64")]);
  await again({ ...message, id, queueId: deadLetterQueueId, attempts: 0 }, 0, options);
  await delivery.ack();
  return "dead";
}

async function again(message: QueueMessage, delaySeconds: number, options: SettleOptions): Promise<void> {
  if (delaySeconds === 0) {
    const id = queueBusId(message);
    await options.bus.publish(queueSubject(message.queueId), encodePayload(message), { id });
    return;
  }
  const { v: _, ...rest } = message;
  const body = Buffer.from(message.body, "base64");
  await options.room.toDelay(message.queueId, [body.byteLength]);
  await delayMessages(options.database, [{ ...rest, body, delaySeconds }]);
}

/** What a worker asks for may be any number. */
function delayOf(seconds: number): number {
  return Number.isFinite(seconds) ? Math.min(Math.max(0, Math.round(seconds)), queueLimits.delaySeconds) : 0;
}

/**
 * A dead letter is a new message: its attempts are counted anew, which ids on the bus must not take for the old ones. It is
 * always the same one of a message, so that it is stored once however often that is tried.
 */
function deadLetterId({
  queueId,
  id,
}: {
  readonly queueId: QueueId;
  readonly id: QueueMessageId;
}): QueueMessageId {
  const hash = createHash("sha256").update(`${queueId} ${id}`).digest("hex");
  // UUID version 8 (RFC 9562, 5.8): made as we like.
  const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  return uuid as QueueMessageId;
}
