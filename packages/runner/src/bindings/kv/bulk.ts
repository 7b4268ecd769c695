import { checkKvKey, kvLimits, OpenWorkersError } from "@openworkers/core";
import {
  type DatabaseAccess,
  isJsonKvValue,
  type KvEntry,
  type KvKey,
  readKvEntries,
  readKvValue,
} from "@openworkers/db";
import { z } from "zod";
import type { ByteMeter } from "../../cells/byte-meter.ts";
import { streamOf } from "../stream-of.ts";
import { wholeResponse } from "../whole-response.ts";
import { checkCacheTtl } from "./options.ts";

/** 100 keys of 512 bytes, each byte escaped, and the rest. */
const maxRequestBytes = 512 * 1_024;

/** Values that are in memory together; of more, one chunk of one value is. */
const maxWholeBytes = 256 * 1_024;

const schema = z.object({
  keys: z.array(z.string()),
  type: z.string().optional(),
  withMetadata: z.boolean().optional(),
  cacheTtl: z.coerce.string().optional(),
});

/** Answers a `get` of several keys, with large values read as they are sent. @throws OpenWorkersError */
export async function bulkGet(
  database: DatabaseAccess,
  request: Request,
  namespaceId: KvKey["namespaceId"],
  meter: ByteMeter,
): Promise<Response> {
  const { keys, type, withMetadata = false } = await parseRequest(request);
  const names = [...new Set(keys)];
  const entries = await readKvEntries(
    database,
    names.map((name) => ({ namespaceId, key: checkKvKey(name) })),
  );
  const total = entries.reduce((sum, entry) => sum + (entry?.size ?? 0), 0);
  if (total > kvLimits.valueBytes) {
    throw new OpenWorkersError(
      "BODY_TOO_LARGE",
      `Total size of request exceeds the limit of ${kvLimits.valueBytes / 2 ** 20}MB`,
    );
  }
  const isJson = type === "json";
  if (isJson) for (const entry of entries) await checkJson(database, entry);
  const members = names.map((name, index) => ({ name, entry: entries[index] }));
  const chunks = objectOf(database, members, { isJson, withMetadata });
  const headers = { "content-type": "application/json" };
  if (total > maxWholeBytes) return new Response(streamOf(chunks, meter), { headers });
  const body = Buffer.concat(await Array.fromAsync(chunks));
  meter.moved(body.byteLength, 0);
  return wholeResponse(body, headers);
}

async function parseRequest(request: Request): Promise<z.infer<typeof schema>> {
  const announced = Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY);
  // A cell that says it twice says "5, 5", which is no number.
  if (!(announced <= maxRequestBytes)) refuse("The request for several keys is too large.");
  let body: unknown;
  try {
    body = await request.json();
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The request for several keys is not JSON.", { cause });
  }
  const parsed = schema.safeParse(body);
  if (!parsed.success) return refuse("The request for several keys is malformed.");
  const { keys, type, cacheTtl } = parsed.data;
  if (type !== undefined && type !== "text" && type !== "json") {
    refuse(`"${type}" is not a valid type. Use "json" or "text"`);
  }
  if (keys.length > kvLimits.bulkKeys) refuse(`You can request a maximum of ${kvLimits.bulkKeys} keys`);
  if (keys.length < 1) refuse("You must request a minimum of 1 key");
  checkCacheTtl(cacheTtl ?? null);
  return parsed.data;
}

function refuse(message: string): never {
  throw new OpenWorkersError("INVALID_INPUT", message);
}

async function checkJson(database: DatabaseAccess, entry: KvEntry | undefined): Promise<void> {
  if (entry === undefined) return;
  const isJson =
    entry.valueId === null ? isJsonText(entry.value) : await isJsonKvValue(database, entry.valueId);
  if (!isJson) refuse("At least one of the requested keys corresponds to a non-json value");
}

function isJsonText(value: Uint8Array | null): boolean {
  try {
    JSON.parse(new TextDecoder().decode(value ?? new Uint8Array()));
    return true;
  } catch {
    return false;
  }
}

const encoder = new TextEncoder();

/** One JSON object with a member for each name. */
async function* objectOf(
  database: DatabaseAccess,
  members: readonly { readonly name: string; readonly entry: KvEntry | undefined }[],
  { isJson, withMetadata }: { readonly isJson: boolean; readonly withMetadata: boolean },
): AsyncGenerator<Uint8Array> {
  let before = "{";
  for (const { name, entry } of members) {
    yield encoder.encode(`${before}${JSON.stringify(name)}:`);
    before = ",";
    if (entry === undefined) {
      yield encoder.encode("null");
      continue;
    }
    if (withMetadata) yield encoder.encode('{"value":');
    const chunks = chunksOf(database, entry);
    if (isJson) yield* chunks;
    else yield* asJsonString(chunks);
    if (withMetadata) yield encoder.encode(`,"metadata":${entry.metadata ?? "null"}}`);
  }
  yield encoder.encode("}");
}

async function* chunksOf(
  database: DatabaseAccess,
  { value, valueId, size }: KvEntry,
): AsyncGenerator<Uint8Array> {
  if (valueId !== null) yield* readKvValue(database, valueId, size);
  else if (value !== null) yield value;
}

/** Text as a JSON string; the decoder keeps a character that two chunks share for the second. */
async function* asJsonString(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder();
  const escaped = (text: string) => encoder.encode(JSON.stringify(text).slice(1, -1));
  yield encoder.encode('"');
  for await (const chunk of chunks) yield escaped(decoder.decode(chunk, { stream: true }));
  yield escaped(decoder.decode());
  yield encoder.encode('"');
}
