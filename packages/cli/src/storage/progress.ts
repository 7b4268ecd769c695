import { formatBytes } from "../output/format.ts";
import type { Output } from "../output/output.ts";

const everyMs = 200;

/** The same stream, which says on a terminal how far it is. */
export async function* withProgress(
  stream: AsyncIterable<Uint8Array>,
  output: Output,
  total?: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const shown = !output.json && process.stderr.isTTY;
  let bytes = 0;
  let said = performance.now();
  try {
    for await (const chunk of stream) {
      yield chunk;
      bytes += chunk.byteLength;
      if (!shown || performance.now() - said < everyMs) continue;
      said = performance.now();
      const of = total === undefined ? "" : ` of ${formatBytes(total)}`;
      process.stderr.write(`\r\x1b[2K${formatBytes(bytes)}${of}`);
    }
  } finally {
    if (shown) process.stderr.write("\r\x1b[2K");
  }
}
