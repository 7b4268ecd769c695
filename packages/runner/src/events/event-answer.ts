import { type QueueMessageId, queueLimits } from "@openworkers/core";
import { z } from "zod";
import { findHeadEnd } from "../ingress/http/head.ts";
import { parseResponseHead } from "../ingress/http/response-head.ts";
import type { DeliveredMessage, QueueEnd } from "./dispatch.ts";

/** A hundred messages' decisions take some 12 KB, and what was thrown 8 KB at most. */
const maxAnswerBytes = 256 * 1_024;

const answerSchema = z.object({
  outcome: z.enum(["ok", "exception", "no-handler"]),
  error: z.string().max(4_000).exactOptional(),
  noRetry: z.boolean(),
  ackAll: z.boolean(),
  retryAll: z.boolean(),
  delaySeconds: z.number().exactOptional(),
  decisions: z.array(
    z.object({
      id: z.string(),
      ack: z.boolean(),
      retry: z.boolean(),
      delaySeconds: z.number().exactOptional(),
    }),
  ),
});

/** How an event ended, in the words of the cell: the worker may have forged any of it. */
export type EventAnswer = z.infer<typeof answerSchema>;

/** Reads a cell's answer to an event. */
export class AnswerReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** The answer once it is all there, `"broken"` when the bytes are none, undefined when more must come. */
  push(bytes: Buffer): EventAnswer | "broken" | undefined {
    // Copied: the socket's buffer is used again.
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.#bytes.length > maxAnswerBytes) return "broken";
    const end = findHeadEnd(this.#bytes);
    if (end === -1) return undefined;
    const head = end < 0 ? undefined : parseResponseHead(this.#bytes.toString("latin1", 0, end));
    if (head?.status !== 200 || head.bodyLength === undefined || head.bodyLength < 0) return "broken";
    if (head.bodyLength > maxAnswerBytes) return "broken";
    if (this.#bytes.length < end + head.bodyLength) return undefined;
    return parseAnswer(this.#bytes.toString("utf8", end, end + head.bodyLength));
  }
}

function parseAnswer(text: string): EventAnswer | "broken" {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "broken";
  }
  return answerSchema.safeParse(value).data ?? "broken";
}

/**
 * Which messages are to be delivered again. What was said of one message goes before what was said of all, and either
 * before how the handler ended; of those that nobody said anything of, none is when it ended well.
 *
 * @param answer undefined when the handler did not come to its end
 */
export function retriesOf(
  messages: readonly Pick<DeliveredMessage, "id">[],
  answer: EventAnswer | undefined,
): QueueEnd["retries"] {
  const decisions = new Map(answer?.decisions.map((decision) => [decision.id, decision]));
  const retries = new Map<QueueMessageId, { readonly delaySeconds?: number }>();
  for (const { id } of messages) {
    const decision = decisions.get(id);
    if (decision?.retry === true) retries.set(id, delay(decision.delaySeconds));
    else if (decision?.ack === true || answer?.ackAll === true) continue;
    else if (answer?.retryAll === true) retries.set(id, delay(answer.delaySeconds));
    else if (answer?.outcome !== "ok") retries.set(id, {});
  }
  return retries;
}

function delay(seconds: number | undefined): { readonly delaySeconds?: number } {
  return seconds === undefined
    ? {}
    : { delaySeconds: Math.trunc(Math.min(Math.max(0, seconds), queueLimits.delaySeconds)) };
}
