/**
 * The lines of a byte stream, without their ends. A line longer than `maxBytes` is cut there and the rest of
 * it skipped, so that a worker that never writes a newline cannot grow memory.
 */
export async function* lines(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<{ readonly text: string; readonly cut: boolean }> {
  let pending: Uint8Array[] = [];
  let size = 0;
  let cut = false;
  const take = () => {
    const line = { text: Buffer.concat(pending).toString("utf8"), cut };
    pending = [];
    size = 0;
    cut = false;
    return line;
  };
  const add = (bytes: Uint8Array) => {
    const room = maxBytes - size;
    if (bytes.length > room) cut = true;
    if (room <= 0 || bytes.length === 0) return;
    // A copy: the stream may reuse its buffer, and a slice would keep all of it alive.
    pending.push(bytes.slice(0, room));
    size += Math.min(bytes.length, room);
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      yield take();
    }
    add(chunk.subarray(start));
  }
  if (size > 0) yield take();
}
