import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { KvNamespaceId } from "@openworkers/core";
import { sql } from "kysely";
import type { Database } from "../../database.ts";
import { type TestDatabase, withTestDatabase } from "../../testing.ts";
import { createResource, deleteResource } from "../resources.ts";
import { rejection } from "../testing/fixtures.ts";
import { ensureOperator } from "../users.ts";
import {
  deleteKvEntry,
  type KvEntry,
  listKvEntries,
  maxInlineBytes,
  putKvEntry,
  readKvEntries,
} from "./entries.ts";
import { putKvStream } from "./put.ts";
import { sweepKv } from "./sweep.ts";
import { chunkBytes, KvValueWriter, readKvValue } from "./values.ts";

let fixture: TestDatabase;
let database: Database;
let namespaceId: KvNamespaceId;
let count = 0;

beforeAll(async () => {
  fixture = await withTestDatabase();
  database = fixture.database;
});
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(async () => {
  const { id: by } = await ensureOperator(database);
  namespaceId = await createResource(database, "kv", { name: `test-${++count}`, by });
});

const keyOf = (text: string) => ({ namespaceId, key: new TextEncoder().encode(text) });
const entryOf = (text: string, expiresAt?: Date) => ({ ...keyOf(text), metadata: undefined, expiresAt });
const small = (byte: number) => new Uint8Array(100).fill(byte);
const never = new AbortController().signal;
const sweep = (keepMs = 0) => sweepKv(database, { keepMs, signal: never });

/** More than two chunks of the same byte, in parts that fit no chunk. */
const largeBytes = 2 * chunkBytes + 1_000;
async function* large(byte: number): AsyncGenerator<Uint8Array> {
  for (let left = largeBytes; left > 0; left -= 50_000)
    yield new Uint8Array(Math.min(left, 50_000)).fill(byte);
}

async function read(key: string): Promise<KvEntry | undefined> {
  const [entry] = await readKvEntries(database, [keyOf(key)]);
  return entry;
}

/** How many bytes there are of each kind in an entry's value. */
async function bytesOf(entry: KvEntry | undefined): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  const chunks = entry?.valueId ? readKvValue(database, entry.valueId, entry.size) : [entry?.value ?? []];
  for await (const chunk of chunks) for (const byte of chunk) counts[byte] = (counts[byte] ?? 0) + 1;
  return counts;
}

async function rows(table: "kv_entries" | "kv_values" | "kv_chunks"): Promise<number> {
  const result = await sql<{ rows: number }>`
    select count(*)::int as rows from ${sql.table(table)}`.execute(database.kysely);
  return result.rows[0]?.rows ?? 0;
}

describe("a large value", () => {
  test("is read back in chunks, whatever parts it came in", async () => {
    await putKvStream(database, entryOf("k"), large(7));
    const entry = await read("k");
    expect([entry?.size, entry?.value]).toEqual([largeBytes, null]);
    expect(await bytesOf(entry)).toEqual({ 7: largeBytes });
  });

  test("of as much as a row takes has no chunks, and of one byte more has", async () => {
    const of = async function* (bytes: number) {
      yield new Uint8Array(bytes);
    };
    await putKvStream(database, entryOf("inline"), of(maxInlineBytes));
    await putKvStream(database, entryOf("chunked"), of(maxInlineBytes + 1));
    expect([(await read("inline"))?.valueId, (await read("chunked"))?.value]).toEqual([null, null]);
  });

  test("is nowhere before all of it has come, and leaves nothing when it never does", async () => {
    await putKvEntry(database, entryOf("k"), small(1));
    const before = await rows("kv_values");
    const broken = async function* () {
      for await (const chunk of large(2)) {
        expect(await bytesOf(await read("k"))).toEqual({ 1: 100 });
        yield chunk;
      }
      throw new Error("the source failed");
    };
    expect(await rejection(putKvStream(database, entryOf("k"), broken()))).toMatchObject({
      message: "the source failed",
    });
    expect(await bytesOf(await read("k"))).toEqual({ 1: 100 });
    expect(await rows("kv_values")).toBe(before);
  });

  test("that is replaced is still read to its end by whoever began, and swept later", async () => {
    await putKvStream(database, entryOf("k"), large(1));
    const old = await read("k");
    const chunks = readKvValue(database, old?.valueId ?? "", old?.size ?? 0);
    await chunks.next();
    await putKvStream(database, entryOf("k"), large(2));
    await sweep(60_000);
    expect((await chunks.next()).value?.every((byte: number) => byte === 1)).toBe(true);
    await sweep();
    expect(await rejection(chunks.next())).toMatchObject({ code: "CONFLICT" });
    expect(await bytesOf(await read("k"))).toEqual({ 2: largeBytes });
  });

  test("whose writer was silent for too long cannot be committed", async () => {
    const writer = new KvValueWriter(database, entryOf("k"));
    await writer.write(new Uint8Array(chunkBytes));
    await sweep();
    expect(await rejection(writer.write(new Uint8Array(1)))).toMatchObject({ code: "CONFLICT" });
    expect(await rejection(writer.commit())).toMatchObject({ code: "CONFLICT" });
    expect(await read("k")).toBeUndefined();
  });
});

test("of many writers at once one wins whole: no half of a value, no chunks of two", async () => {
  const writers = Array.from({ length: 12 }, (_, index) =>
    index % 3 === 0
      ? putKvEntry(database, entryOf("k"), small(index))
      : index % 5 === 0
        ? deleteKvEntry(database, keyOf("k"))
        : putKvStream(database, entryOf("k"), large(index)),
  );
  const seen: Record<number, number>[] = [];
  let done = false;
  const reader = (async () => {
    while (!done) seen.push(await bytesOf(await read("k")));
  })();
  await Promise.all(writers);
  done = true;
  await reader;
  seen.push(await bytesOf(await read("k")));
  for (const counts of seen) {
    const [[, bytes] = ["", 0], ...others] = Object.entries(counts);
    expect(others).toEqual([]);
    expect([0, 100, largeBytes]).toContain(bytes);
  }
});

describe("the sweep", () => {
  test("removes what has expired and what nobody has, and nothing else", async () => {
    const past = new Date(Date.now() - 1_000);
    const later = new Date(Date.now() + 60_000);
    await sweep();
    const before = { entries: await rows("kv_entries"), values: await rows("kv_values") };
    await putKvEntry(database, entryOf("stays"), small(1));
    await putKvEntry(database, entryOf("later", later), small(1));
    await putKvEntry(database, entryOf("past", past), small(1));
    await putKvStream(database, entryOf("large stays"), large(1));
    await putKvStream(database, entryOf("large past", past), large(1));
    await putKvStream(database, entryOf("replaced"), large(1));
    await putKvEntry(database, entryOf("replaced"), small(1));
    await new KvValueWriter(database, entryOf("never committed")).write(small(1));
    expect(await sweep()).toEqual({ entries: 2, values: 3 });
    expect({ entries: await rows("kv_entries"), values: await rows("kv_values") }).toEqual({
      entries: before.entries + 4,
      values: before.values + 1,
    });
    expect(await sweep()).toEqual({ entries: 0, values: 0 });
  });

  test("by several at once takes each entry once, in batches", async () => {
    await sql`
      insert into kv_entries (namespace_id, key, value, size, expires_at)
      select ${namespaceId}, convert_to('k' || n, 'UTF8'), '', 0, now() - interval '1 s'
      from generate_series(1, 2500) as n`.execute(database.kysely);
    const swept = await Promise.all([sweep(), sweep(), sweep()]);
    expect(swept.reduce((sum, { entries }) => sum + entries, 0)).toBe(2_500);
  });

  test("leaves an entry that was put again while it ran", async () => {
    await putKvEntry(database, entryOf("k", new Date(Date.now() - 1_000)), small(1));
    await Promise.all([sweep(), putKvEntry(database, entryOf("k"), small(2))]);
    expect(await bytesOf(await read("k"))).toEqual({ 2: 100 });
  });
});

test("a namespace goes with all that is in it, and whoever still puts is told", async () => {
  const { id: by } = await ensureOperator(database);
  await sweep();
  const values = await rows("kv_values");
  await putKvEntry(database, entryOf("small"), small(1));
  await putKvStream(database, entryOf("large"), large(1));
  const writer = new KvValueWriter(database, entryOf("half"));
  await writer.write(small(1));
  await deleteResource(database, "kv", { nameOrId: namespaceId, by });
  expect(
    await listKvEntries(database, { namespaceId, prefix: new Uint8Array(), after: undefined, limit: 9 }),
  ).toEqual([]);
  expect(await rows("kv_values")).toBe(values);
  expect(await rejection(putKvEntry(database, entryOf("k"), small(1)))).toMatchObject({ code: "NOT_FOUND" });
  expect(await rejection(putKvStream(database, entryOf("k"), large(1)))).toMatchObject({ code: "NOT_FOUND" });
  expect(await rejection(writer.write(small(1)))).toMatchObject({ code: "CONFLICT" });
});

test("the database itself refuses what is no entry", async () => {
  const insert = (key: Uint8Array, metadata?: string) =>
    putKvEntry(database, { ...entryOf(""), key, metadata }, small(1));
  for (const refused of [
    insert(new Uint8Array()),
    insert(new Uint8Array(513)),
    insert(small(1), "m".repeat(1_025)),
  ])
    expect(await rejection(refused)).toMatchObject({ code: "INVALID_INPUT" });
});
