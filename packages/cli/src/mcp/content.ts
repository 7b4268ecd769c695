import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

/** A model reads what it is given: more than this would only fill its context. */
export const maxReadBytes = 1_048_576;
const usualReadBytes = 65_536;

/** How a tool is given bytes. */
export const contentInput = {
  text: z.string().optional().describe("The content, as text"),
  base64: z.base64().optional().describe("The content in base64, instead of text"),
};

export const maxBytesInput = z
  .int()
  .min(1)
  .max(maxReadBytes)
  .default(usualReadBytes)
  .describe("Bytes of the content to return at most");

/** @throws OpenWorkersError INVALID_INPUT unless exactly one of both is given */
export function bytesOf({
  text,
  base64,
}: {
  text?: string | undefined;
  base64?: string | undefined;
}): Uint8Array {
  if (text !== undefined && base64 === undefined) return new TextEncoder().encode(text);
  if (base64 !== undefined && text === undefined) return Uint8Array.fromBase64(base64);
  throw new OpenWorkersError("INVALID_INPUT", "Give the content as text or as base64, one of them.");
}

export interface ReadContent {
  readonly text?: string;
  readonly base64?: string;
  /** Whether there is more than was asked for. */
  readonly truncated: boolean;
}

/** The first bytes of a stream, as text when they are UTF-8. The rest is not read. */
export async function readContent(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<ReadContent> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > maxBytes) break;
  }
  const whole = new Uint8Array(Buffer.concat(chunks).subarray(0, maxBytes));
  const truncated = bytes > maxBytes;
  const text = asText(whole, truncated);
  return text === undefined ? { base64: whole.toBase64(), truncated } : { text, truncated };
}

function asText(bytes: Uint8Array, truncated: boolean): string | undefined {
  try {
    // As a stream, it does not mind a character that was cut off at the end.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: truncated });
  } catch {
    return undefined;
  }
}
