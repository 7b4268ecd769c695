import type { ByteMeter } from "../cells/byte-meter.ts";

/**
 * A body for a cell whose chunks are made as they are asked for, and counted as what the cell reads; whoever makes
 * them is told when nobody asks any more.
 */
export function streamOf(chunks: AsyncGenerator<Uint8Array>, meter: ByteMeter): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) {
          controller.close();
          return;
        }
        meter.moved(value.byteLength, 0);
        controller.enqueue(value);
      },
      async cancel() {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
