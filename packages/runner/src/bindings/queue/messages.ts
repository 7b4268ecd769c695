import {
  checkDelaySeconds,
  OpenWorkersError,
  type QueueContentType,
  queueContentTypes,
  queueLimits,
} from "@openworkers/core";
import { z } from "zod";
import type { ByteMeter } from "../../cells/byte-meter.ts";

/** A message as a worker sends it. */
export interface NewMessage {
  readonly contentType: QueueContentType;
  readonly body: Uint8Array;
  /** Undefined when neither the message nor its batch says. */
  readonly delaySeconds: number | undefined;
}

/**
 * How much of a body that is too large is read: a client that still sends when the answer comes would see a broken
 * connection instead. The largest batch is a third longer in base64.
 */
const maxRequestBytes = 4 * queueLimits.batchBytes;

/** The message in a request of `send`. @throws OpenWorkersError INVALID_INPUT, BODY_TOO_LARGE */
export async function readMessage(request: Request, meter: ByteMeter): Promise<NewMessage> {
  const body = await readBody(request, meter);
  checkSize(body.byteLength, queueLimits.messageBytes, "message length");
  return {
    contentType: formatOf(request.headers.get("x-msg-fmt") ?? "v8"),
    body,
    delaySeconds: delayOf(request),
  };
}

const batchSchema = z.object({
  messages: z
    .array(
      z.object({ body: z.base64(), contentType: z.string().optional(), delaySecs: z.number().optional() }),
    )
    .min(1),
});

/** The messages in a request of `sendBatch`. @throws OpenWorkersError INVALID_INPUT, BODY_TOO_LARGE */
export async function readBatch(request: Request, meter: ByteMeter): Promise<NewMessage[]> {
  const bytes = await readBody(request, meter);
  const { data } = batchSchema.safeParse(parseJson(bytes));
  if (data === undefined) throw new OpenWorkersError("INVALID_INPUT", "The batch is none.");
  checkSize(data.messages.length, queueLimits.batchMessages, "batch message count", "");
  const delay = delayOf(request);
  const messages = data.messages.map(({ body, contentType = "v8", delaySecs }) => ({
    contentType: formatOf(contentType),
    body: new Uint8Array(Buffer.from(body, "base64")),
    delaySeconds: delaySecs === undefined ? delay : checkDelaySeconds(delaySecs),
  }));
  const sizes = messages.map(({ body }) => body.byteLength);
  checkSize(Math.max(...sizes), queueLimits.messageBytes, "message in batch");
  checkSize(
    sizes.reduce((sum, size) => sum + size, 0),
    queueLimits.batchBytes,
    "batch size",
  );
  return messages;
}

function checkSize(size: number, limit: number, what: string, unit = " bytes"): void {
  if (size <= limit) return;
  throw new OpenWorkersError("BODY_TOO_LARGE", `${what} of ${size}${unit} exceeds limit of ${limit}`);
}

function formatOf(text: string): QueueContentType {
  if (text === "v8") {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      'The content type "v8" is not supported: send as "json", "text" or "bytes"; json goes without saying from the compatibility date 2024-03-18 on',
    );
  }
  const format = queueContentTypes.find((type) => type === text);
  if (format !== undefined) return format;
  throw new OpenWorkersError("INVALID_INPUT", "There is no such content type");
}

function delayOf(request: Request): number | undefined {
  const text = request.headers.get("x-msg-delay-secs");
  return text === null ? undefined : checkDelaySeconds(text === "" ? Number.NaN : Number(text));
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

async function readBody(request: Request, meter: ByteMeter): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || value === undefined) break;
    meter.moved(0, value.byteLength);
    size += value.byteLength;
    if (size > maxRequestBytes) {
      await reader?.cancel();
      throw new OpenWorkersError(
        "BODY_TOO_LARGE",
        `message length of more than ${maxRequestBytes} bytes exceeds limit`,
      );
    }
    chunks.push(value);
  }
  // What ends early is not what the worker meant to send.
  const announced = request.headers.get("content-length");
  if (request.signal.aborted || (announced !== null && Number(announced) !== size)) {
    throw new OpenWorkersError("INVALID_INPUT", "The message ended before all of it had come.");
  }
  return new Uint8Array(Buffer.concat(chunks));
}
