import { checkKvSize, isOpenWorkersError, kvLimits, OpenWorkersError } from "@openworkers/core";
import { type DatabaseAccess, type KvPut, maxInlineBytes, putKvEntry, putKvStream } from "@openworkers/db";
import type { ByteMeter } from "../../cells/byte-meter.ts";

/**
 * How much of a body that is too large is read and thrown away: a client that still sends when the answer comes would
 * see a broken connection instead.
 */
const maxIgnoredBytes = 4 * kvLimits.valueBytes;

/**
 * Puts what the request's body holds. A body that ends early puts nothing.
 *
 * @throws OpenWorkersError BODY_TOO_LARGE, INVALID_INPUT, and as `putKvStream`.
 */
export async function putBody(
  database: DatabaseAccess,
  request: Request,
  entry: KvPut,
  meter: ByteMeter,
): Promise<void> {
  const announced = request.headers.get("content-length");
  const expected = announced === null ? undefined : Number(announced);
  const confirm = (size: number) => {
    if (request.signal.aborted || (expected !== undefined && expected !== size)) {
      throw new OpenWorkersError("INVALID_INPUT", "The value ended before all of it had come.");
    }
  };
  if (expected !== undefined && expected <= maxInlineBytes) {
    const value = await request.bytes();
    meter.moved(0, value.byteLength);
    confirm(value.byteLength);
    return putKvEntry(database, entry, value);
  }
  const reader = request.body?.getReader();
  try {
    checkKvSize(expected ?? 0);
    await putKvStream(database, entry, chunksOf(reader, meter), confirm);
  } catch (thrown) {
    if (isOpenWorkersError(thrown, "BODY_TOO_LARGE")) await ignoreRest(reader, meter);
    throw thrown;
  }
}

type Reader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read"> | undefined;

/** Unlike the stream's own iterator, it leaves the stream open for whoever reads on. */
async function* chunksOf(reader: Reader, meter: ByteMeter): AsyncGenerator<Uint8Array> {
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) return;
    meter.moved(0, value.byteLength);
    yield value;
  }
}

async function ignoreRest(reader: Reader, meter: ByteMeter): Promise<void> {
  let ignored = 0;
  for await (const chunk of chunksOf(reader, meter)) {
    ignored += chunk.byteLength;
    if (ignored > maxIgnoredBytes) return;
  }
}
