import { type BucketId, newId } from "@openworkers/core";
import { sql } from "kysely";
import type { DatabaseAccess } from "../database.ts";

/**
 * Bytes of a chunk. Measured over 64 KB to 1 MB, 256 MB each (see docs/decisions): larger ones gain nothing, and
 * a range read of few bytes fetches one.
 */
export const defaultChunkBytes = 256 * 1024;
/** Chunks that one statement reads. */
const chunksPerRead = 4;
/** Chunks whose writing may be under way while the next is being filled. */
const writesInFlight = 2;
/** How often a blob in use is touched; the sweep waits several times as long. */
const touchMs = 60_000;

/**
 * Writes a blob, loose until a transaction of the caller's says what it belongs to. Returns its id. When it
 * throws, or the process dies, what was written is the sweep's.
 *
 * @throws what `chunks` throws; OpenWorkersError DATABASE_UNAVAILABLE
 */
export async function writeBlob(
  database: DatabaseAccess,
  bucketId: BucketId,
  chunks: AsyncIterable<Uint8Array>,
  { chunkBytes = defaultChunkBytes }: { readonly chunkBytes?: number | undefined } = {},
): Promise<string> {
  const id: string = newId<"blob">();
  await database.read((queries) =>
    queries
      .insertInto("storage_blobs")
      .values({ id, bucket_id: bucketId, chunk_bytes: chunkBytes })
      .execute(),
  );
  using _ = keepTouched(database, [id]);
  const writing = new Set<Promise<void>>();
  let failure: { readonly thrown: unknown } | undefined;
  let number = 0;
  let size = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    const written = insertChunk(database, id, number++, bytes)
      .catch((thrown: unknown) => {
        failure ??= { thrown };
      })
      .finally(() => writing.delete(written));
    writing.add(written);
    if (writing.size >= writesInFlight) await Promise.race(writing);
    if (failure !== undefined) throw failure.thrown;
  };
  try {
    for await (const bytes of resize(chunks, chunkBytes)) {
      size += bytes.byteLength;
      await write(bytes);
    }
  } finally {
    await Promise.all(writing);
  }
  if (failure !== undefined) throw failure.thrown;
  await database.read((queries) =>
    queries.updateTable("storage_blobs").set({ size }).where("id", "=", id).executeTakeFirstOrThrow(),
  );
  return id;
}

async function insertChunk(
  database: DatabaseAccess,
  blobId: string,
  number: number,
  bytes: Uint8Array,
): Promise<void> {
  // Nobody sees a chunk before the transaction that makes it an object's, whose commit flushes the log up to
  // itself: waiting for the disk at each chunk would make nothing safer.
  await database.read((queries) =>
    sql`insert into storage_chunks select ${blobId}, ${number}, ${bytes}
        from (select set_config('synchronous_commit', 'off', true)) as settings`.execute(queries),
  );
}

/** The same bytes in pieces of `length`, the last one shorter. */
async function* resize(
  chunks: AsyncIterable<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; ) {
      const taken = Math.min(length - filled, chunk.byteLength - at);
      piece.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled === length) {
        yield piece;
        piece = Buffer.allocUnsafeSlow(length);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** A blob as its readers know it. */
export interface Blob {
  readonly id: string;
  readonly chunkBytes: number;
  readonly size: number;
}

/**
 * Bytes of several blobs one after the other. Reads only the chunks that hold them, and no more than the reader
 * takes, but for a few ahead.
 */
export function readBlobs(
  database: DatabaseAccess,
  blobs: readonly Blob[],
  { offset, length }: { readonly offset: number; readonly length: number },
): ReadableStream<Uint8Array> {
  const pieces = bytesOf(database, blobs, offset, length);
  const ids = blobs.map(({ id }) => id);
  // From the first read on: a body that nobody reads keeps nothing.
  let touching: Disposable | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        touching ??= keepTouched(database, ids);
        try {
          const { done, value } = await pieces.next();
          if (!done) return controller.enqueue(value);
          touching[Symbol.dispose]();
          controller.close();
        } catch (thrown) {
          touching[Symbol.dispose]();
          throw thrown;
        }
      },
      async cancel() {
        touching?.[Symbol.dispose]();
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
}

async function* bytesOf(
  database: DatabaseAccess,
  blobs: readonly Blob[],
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let start = 0;
  const end = offset + length;
  for (const blob of blobs) {
    const from = Math.max(offset - start, 0);
    const to = Math.min(end - start, blob.size);
    if (from < to) yield* bytesOfBlob(database, blob, from, to);
    start += blob.size;
  }
}

async function* bytesOfBlob(
  database: DatabaseAccess,
  { id, chunkBytes }: Blob,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const last = Math.ceil(to / chunkBytes);
  for (let number = Math.floor(from / chunkBytes); number < last; number += chunksPerRead) {
    const count = Math.min(chunksPerRead, last - number);
    const chunks = await readChunks(database, id, number, count);
    for (const [index, bytes] of chunks.entries()) {
      const at = (number + index) * chunkBytes;
      yield bytes.subarray(Math.max(from - at, 0), Math.min(to - at, bytes.byteLength));
    }
  }
}

async function readChunks(
  database: DatabaseAccess,
  blobId: string,
  number: number,
  count: number,
): Promise<Uint8Array[]> {
  const chunks = await database.read((queries) =>
    queries
      .selectFrom("storage_chunks")
      .select("bytes")
      .where("blob_id", "=", blobId)
      .where("number", ">=", number)
      .where("number", "<", number + count)
      .orderBy("number")
      .execute(),
  );
  if (chunks.length !== count) throw new Error(`blob ${blobId} has lost chunks from ${number} on`);
  return chunks.map(({ bytes }) => bytes);
}

/** Keeps loose blobs from the sweep for as long as they are used. */
function keepTouched(database: DatabaseAccess, ids: readonly string[]): Disposable {
  const timer = setInterval(() => {
    // Trying again is the next turn's: whoever reads or writes finds out what is wrong with the database.
    touch(database, ids).catch(() => {});
  }, touchMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function touch(database: DatabaseAccess, ids: readonly string[]): Promise<void> {
  await database.read((queries) =>
    queries
      .updateTable("storage_blobs")
      .set({ touched_at: sql<Date>`now()` })
      .where("id", "in", ids)
      .where("version", "is", null)
      .where("upload_id", "is", null)
      .execute(),
  );
}
