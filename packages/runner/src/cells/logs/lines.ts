/** A line without its end. */
export interface Line {
  /** The bytes, at most as many as were allowed; valid until `onLine` returns. */
  readonly bytes: Buffer;
  /** There was more of it. */
  readonly cut: boolean;
}

/**
 * Calls `onLine` for every line of a byte stream, until it says that it has had enough, which ends the stream; settles
 * when the stream has ended. A line longer than `maxBytes`
 * is cut there and the rest of it skipped, so that a worker that never writes a newline cannot grow memory.
 *
 * Nothing is decoded or copied for a line that lies within one chunk: a flood of lines that nobody wants must cost next to
 * nothing. After each chunk `rest` may give a promise to wait for before there is another.
 */
export async function eachLine(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  onLine: (line: Line) => "enough" | undefined,
  rest: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  let begun: Uint8Array[] = [];
  let size = 0;
  let cut = false;
  const begin = (bytes: Uint8Array) => {
    const room = maxBytes - size;
    if (bytes.length > room) cut = true;
    if (room <= 0 || bytes.length === 0) return;
    // A copy: the stream may reuse its buffer, and a slice would keep all of it alive.
    begun.push(bytes.slice(0, room));
    size += Math.min(bytes.length, room);
  };
  const end = () => {
    const line = { bytes: Buffer.concat(begun), cut };
    begun = [];
    size = 0;
    cut = false;
    return onLine(line);
  };
  for await (const part of stream) {
    const chunk = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    let start = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, start)) {
      const whole = chunk.subarray(start, at);
      start = at + 1;
      let answer: "enough" | undefined;
      if (size > 0 || cut) {
        begin(whole);
        answer = end();
      } else answer = onLine({ bytes: whole.subarray(0, maxBytes), cut: whole.length > maxBytes });
      if (answer === "enough") return;
    }
    begin(chunk.subarray(start));
    await rest();
  }
  if (size > 0) end();
}
