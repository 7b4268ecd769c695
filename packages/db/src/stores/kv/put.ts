import { checkKvSize } from "@openworkers/core";
import type { DatabaseAccess } from "../../database.ts";
import { type KvPut, maxInlineBytes, putKvEntry } from "./entries.ts";
import { chunkBytes, KvValueWriter } from "./values.ts";

/**
 * Puts an entry whose value comes in parts, in the memory of one chunk and in the place of the one that is there: all
 * of it, when `chunks` has ended and `confirm` has not thrown, or nothing.
 *
 * @param confirm is told how many bytes came.
 * @throws OpenWorkersError BODY_TOO_LARGE, NOT_FOUND when the namespace is gone, CONFLICT when the value took so long
 * that it was swept; whatever `chunks` and `confirm` throw.
 */
export async function putKvStream(
  database: DatabaseAccess,
  entry: KvPut,
  chunks: AsyncIterable<Uint8Array>,
  confirm: (bytes: number) => void = () => {},
): Promise<void> {
  const writer = new KvValueWriter(database, entry);
  try {
    const pending = Buffer.allocUnsafe(chunkBytes);
    let filled = 0;
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.byteLength;
      checkKvSize(size);
      for (let from = 0; from < chunk.byteLength; ) {
        const part = chunk.subarray(from, from + chunkBytes - filled);
        pending.set(part, filled);
        filled += part.byteLength;
        from += part.byteLength;
        if (filled < chunkBytes) continue;
        await writer.write(pending);
        filled = 0;
      }
    }
    confirm(size);
    const rest = pending.subarray(0, filled);
    if (size <= maxInlineBytes) return await putKvEntry(database, entry, rest);
    if (filled > 0) await writer.write(rest);
    // Time has passed, in which a client may have left.
    confirm(size);
    await writer.commit();
  } catch (thrown) {
    // What was written is nobody's; what cannot be removed now is the sweep's.
    await writer.abandon().catch(() => {});
    throw thrown;
  }
}
