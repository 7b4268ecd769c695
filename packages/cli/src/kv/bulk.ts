import { messageOf, OpenWorkersError } from "@openworkers/core";
import { JSONParser } from "@streamparser/json";
import { z } from "zod";
import type { KvKeySummary, KvPutOptions } from "../backend/kv.ts";

/** An entry of wrangler's bulk format: `[{ "key": …, "value": …, "expiration": …, "metadata": …, "base64": true }]`. */
const entrySchema = z.object({
  key: z.string(),
  value: z.string(),
  expiration: z.int().optional(),
  expiration_ttl: z.int().optional(),
  metadata: z.unknown().optional(),
  base64: z.boolean().optional(),
});

export interface BulkEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly options: KvPutOptions;
}

/**
 * The entries of a JSON text that comes in parts, each as soon as it is complete.
 *
 * @throws OpenWorkersError INVALID_INPUT with the number of the entry that is none.
 */
export async function* readBulk(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<BulkEntry> {
  const found: unknown[] = [];
  let ended = false;
  let failure: Error | undefined;
  const parser = new JSONParser({ paths: ["$.*"], keepStack: false });
  parser.onValue = ({ value }) => {
    found.push(value);
  };
  parser.onEnd = () => {
    ended = true;
  };
  parser.onError = (error) => {
    failure = error;
  };
  let number = 0;
  for await (const chunk of chunks) {
    parser.write(chunk);
    if (failure !== undefined) break;
    for (const value of found.splice(0)) yield parseEntry(value, ++number);
  }
  if (failure === undefined && ended) return;
  const why = failure === undefined ? "it ends too early" : messageOf(failure);
  throw new OpenWorkersError("INVALID_INPUT", `After entry ${number}: this is not JSON: ${why}.`, {
    hint: 'The format is that of `ow kv export`: [{"key":"a","value":"1"}, …]',
  });
}

function parseEntry(value: unknown, number: number): BulkEntry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join(".") ?? "";
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `Entry ${number} is none: ${where === "" ? "" : `${where}: `}${issue?.message}.`,
    );
  }
  const { key, value: text, expiration, expiration_ttl, metadata, base64 } = parsed.data;
  return {
    key,
    value: Buffer.from(text, base64 === true ? "base64" : "utf8"),
    options: {
      ...(expiration === undefined ? {} : { expiration }),
      ...(expiration_ttl === undefined ? {} : { expirationTtl: expiration_ttl }),
      ...(metadata === undefined ? {} : { metadata }),
    },
  };
}

/** An entry as `readBulk` reads it: as text when its bytes are text, else in base64. */
export function writeBulk(entry: KvKeySummary, value: Uint8Array): string {
  const { name, expiration, metadata } = entry;
  return JSON.stringify({ key: name, ...textOf(value), expiration, metadata });
}

/** Bytes in JSON. */
export function textOf(bytes: Uint8Array): { value: string; base64?: true } {
  try {
    return { value: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { value: Buffer.from(bytes).toString("base64"), base64: true };
  }
}
