import type { ObjectMetadata, ObjectStore, StoredObject } from "@openworkers/core";

/** Bytes that are held in memory at once; parts of this size make an object of up to 160 GB. */
const partBytes = 16 * 2 ** 20;

/** Puts a stream of whatever length: at once when it is short, else as a multipart upload. */
export async function putStream(
  store: ObjectStore,
  key: string,
  stream: AsyncIterable<Uint8Array>,
  metadata: ObjectMetadata,
  signal: AbortSignal,
): Promise<StoredObject> {
  const parts = pieces(stream, partBytes);
  const first = await parts.next();
  const start = first.done === true ? new Uint8Array() : first.value;
  if (start.byteLength < partBytes) {
    const stored = await store.put(key, contentOf(start), { ...metadata, checksums: {}, signal });
    if (stored === undefined) throw new Error("a put without a condition was refused");
    return stored;
  }
  const upload = { key, id: await store.createUpload(key, metadata) };
  try {
    const published = [{ part: 1, etag: await store.uploadPart(upload, 1, contentOf(start), { signal }) }];
    for await (const piece of parts) {
      signal.throwIfAborted();
      const part = published.length + 1;
      published.push({ part, etag: await store.uploadPart(upload, part, contentOf(piece), { signal }) });
    }
    return await store.completeUpload(upload, published);
  } catch (thrown) {
    await store.abortUpload(upload);
    throw thrown;
  }
}

function contentOf(bytes: Uint8Array) {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
  return { body, size: bytes.byteLength };
}

async function* pieces(
  stream: AsyncIterable<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (let chunk of stream) {
    while (bytes + chunk.byteLength >= length) {
      held.push(chunk.subarray(0, length - bytes));
      chunk = chunk.subarray(length - bytes);
      yield Buffer.concat(held);
      held = [];
      bytes = 0;
    }
    held.push(chunk);
    bytes += chunk.byteLength;
  }
  if (bytes > 0) yield Buffer.concat(held);
}
