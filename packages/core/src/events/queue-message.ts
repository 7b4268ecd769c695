import { z } from "zod";
import { isId, type QueueId, type QueueMessageId } from "../ids.ts";

/** How a body was encoded: as `queue.send(body, { contentType })` says. */
export const queueContentTypes = ["json", "text", "bytes", "v8"] as const;
export type QueueContentType = (typeof queueContentTypes)[number];

const id = <Id extends string>() => z.custom<Id>((value) => isId(value));

/** A message of a worker's queue, as it lies on the bus; its id there is `queueBusId`. */
export const queueMessageSchema = z.object({
  v: z.literal(1),
  id: id<QueueMessageId>(),
  queueId: id<QueueId>(),
  /** Unix milliseconds. */
  sentAt: z.int(),
  /** Deliveries that have failed so far. */
  attempts: z.int().min(0),
  contentType: z.enum(queueContentTypes),
  /** Base64. */
  body: z.base64(),
});
export type QueueMessage = z.infer<typeof queueMessageSchema>;

/** The id on the bus: publishing an attempt twice stores it once, and no queue's message hides another's. */
export const queueBusId = ({
  queueId,
  id,
  attempts,
}: Pick<QueueMessage, "queueId" | "id" | "attempts">): string => `${queueId}:${id}:${attempts}`;
