import {
  chunkBytes,
  type Database,
  type KvPut,
  KvValueWriter,
  maxInlineBytes,
  maxValueSize,
  putKvEntry,
} from "@openworkers/db";
import { KvRefusal } from "./refusal.ts";

/**
 * How much of a body that is too large is read and thrown away: a client that still sends when the answer comes would
 * see a broken connection instead.
 */
const maxIgnoredBytes = 4 * maxValueSize;

/**
 * Puts what the request's body holds, in the memory of one chunk. A body that ends early puts nothing.
 *
 * @throws KvRefusal
 */
export async function putBody(database: Database, request: Request, entry: KvPut): Promise<void> {
  const announced = request.headers.get("content-length");
  const expected = announced === null ? undefined : Number(announced);
  if (expected !== undefined && expected > maxValueSize) {
    await ignore(request.body, 0);
    throw tooLarge(expected);
  }
  if (expected !== undefined && expected <= maxInlineBytes) {
    const value = await request.bytes();
    checkWhole(request, expected, value.byteLength);
    return putKvEntry(database, entry, value);
  }
  const writer = new KvValueWriter(database, entry);
  try {
    const { size, rest } = await writeChunks(request.body, writer);
    checkWhole(request, expected, size);
    if (size <= maxInlineBytes) return await putKvEntry(database, entry, rest);
    if (rest.byteLength > 0) await writer.write(rest);
    // The last thing that can be known of a client that has left.
    checkWhole(request, expected, size);
    await writer.commit();
  } catch (thrown) {
    // Whatever it was, what was written is nobody's; without a database it is the sweep's.
    await writer.abandon().catch(() => {});
    throw thrown;
  }
}

/** Writes all but what would not fill a chunk, which is `rest`. */
async function writeChunks(
  body: ReadableStream<Uint8Array> | null,
  writer: KvValueWriter,
): Promise<{ size: number; rest: Uint8Array }> {
  const pending = Buffer.allocUnsafe(chunkBytes);
  let filled = 0;
  let size = 0;
  const reader = body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > maxValueSize) {
      reader.releaseLock();
      throw tooLarge(await ignore(body, size));
    }
    for (let from = 0; from < value.byteLength; ) {
      const part = value.subarray(from, from + chunkBytes - filled);
      pending.set(part, filled);
      filled += part.byteLength;
      from += part.byteLength;
      if (filled === chunkBytes && size > maxInlineBytes) {
        await writer.write(pending);
        filled = 0;
      }
    }
  }
  return { size, rest: pending.subarray(0, filled) };
}

/** Reads on without keeping anything. @returns the bytes in all. */
async function ignore(body: ReadableStream<Uint8Array> | null, before: number): Promise<number> {
  let size = before;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > maxIgnoredBytes) break;
  }
  return size;
}

/** A client that leaves half-way must not have put half of its value. */
function checkWhole(request: Request, expected: number | undefined, received: number): void {
  if (request.signal.aborted || (expected !== undefined && expected !== received)) {
    throw new KvRefusal(400, "The value ended before all of it had come.");
  }
}

function tooLarge(size: number): KvRefusal {
  return new KvRefusal(413, `Value length of ${size} exceeds limit of ${maxValueSize}.`);
}
