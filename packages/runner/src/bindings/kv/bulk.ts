import {
  type Database,
  type KvEntry,
  type KvKey,
  maxValueSize,
  readKvEntries,
  readKvValue,
} from "@openworkers/db";
import { z } from "zod";
import { checkCacheTtl, checkKey } from "./options.ts";
import { KvRefusal } from "./refusal.ts";

const maxKeys = 100;
/** 100 keys of 512 bytes, each byte escaped, and the rest. */
const maxRequestBytes = 512 * 1_024;

const schema = z.object({
  keys: z.array(z.string()),
  type: z.string().optional(),
  withMetadata: z.boolean().optional(),
  cacheTtl: z.coerce.string().optional(),
});

/** Answers a `get` of several keys. @throws KvRefusal */
export async function bulkGet(
  database: Database,
  request: Request,
  namespaceId: KvKey["namespaceId"],
): Promise<Response> {
  const { keys, type = "text", withMetadata = false } = await parseRequest(request);
  const names = [...new Set(keys)];
  const entries = await readKvEntries(
    database,
    names.map((name) => ({ namespaceId, key: checkKey(name) })),
  );
  const total = entries.reduce((sum, entry) => sum + (entry?.size ?? 0), 0);
  if (total > maxValueSize) {
    throw new KvRefusal(413, `Total size of request exceeds the limit of ${maxValueSize / 2 ** 20}MB`);
  }
  const parts = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    const entry = entries[index];
    parts.set(name, entry === undefined ? "null" : await valueJson(database, entry, type, withMetadata));
  }
  const members = [...parts].map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  return new Response(`{${members.join(",")}}`, { headers: { "content-type": "application/json" } });
}

async function parseRequest(request: Request): Promise<z.infer<typeof schema>> {
  if (Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY) > maxRequestBytes) {
    throw new KvRefusal(413, "The request for several keys is too large.");
  }
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    throw new KvRefusal(400, "The request for several keys is not JSON.");
  }
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new KvRefusal(400, "The request for several keys is malformed.");
  const { keys, type, cacheTtl } = parsed.data;
  if (type !== undefined && type !== "text" && type !== "json") {
    throw new KvRefusal(400, `"${type}" is not a valid type. Use "json" or "text"`);
  }
  if (keys.length > maxKeys) throw new KvRefusal(400, `You can request a maximum of ${maxKeys} keys`);
  if (keys.length < 1) throw new KvRefusal(400, "You must request a minimum of 1 key");
  checkCacheTtl(cacheTtl ?? null);
  return parsed.data;
}

async function valueJson(
  database: Database,
  entry: KvEntry,
  type: string,
  withMetadata: boolean,
): Promise<string> {
  const text = new TextDecoder().decode(await wholeValue(database, entry));
  const value = type === "json" ? checkJson(text) : JSON.stringify(text);
  return withMetadata ? `{"value":${value},"metadata":${entry.metadata ?? "null"}}` : value;
}

async function wholeValue(database: Database, { value, valueId, size }: KvEntry): Promise<Uint8Array> {
  if (valueId === null) return value ?? new Uint8Array();
  const chunks: Uint8Array[] = [];
  for await (const chunk of readKvValue(database, valueId, size)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function checkJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw new KvRefusal(400, "At least one of the requested keys corresponds to a non-json value");
  }
}
