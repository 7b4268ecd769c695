import { encodeLogBatch, type LogRecord, streams } from "@openworkers/core";

/** A message for the bus. */
export interface EncodedBatch {
  /** The message's id, the same however often it is sent. */
  readonly id: string;
  readonly payload: Uint8Array;
  readonly lines: number;
  readonly invocations: number;
}

/** Text that is longer is cut there when its record fits into no message. JSON writes six bytes a character at most. */
const cutAt = 16 * 1_024;

/** The records as messages of at most `maxBytes`, in their order. What is longer than a message on its own is cut. */
export function encodeBatches(
  records: readonly LogRecord[],
  maxBytes: number = streams.logs.maxMessageBytes,
): EncodedBatch[] {
  const id = Bun.randomUUIDv7();
  const payload = encodeLogBatch({ batchId: id, records });
  if (payload.length <= maxBytes) {
    let lines = 0;
    for (const { kind } of records) if (kind === "line") lines += 1;
    return [{ id, payload, lines, invocations: records.length - lines }];
  }
  const [first] = records;
  if (records.length === 1 && first !== undefined)
    return encodeBatches([cut(first)], Number.POSITIVE_INFINITY);
  const middle = records.length >> 1;
  return [
    ...encodeBatches(records.slice(0, middle), maxBytes),
    ...encodeBatches(records.slice(middle), maxBytes),
  ];
}

function cut(record: LogRecord): LogRecord {
  if (record.kind === "invocation") {
    const { method, host, path } = record;
    return { ...record, method: cutText(method), host: cutText(host), path: cutText(path) };
  }
  const message = cutText(record.message);
  if (record.exception === undefined) return { ...record, message };
  const { name, message: thrown, stack } = record.exception;
  return {
    ...record,
    message,
    exception: { name: cutText(name), message: cutText(thrown), stack: cutText(stack) },
  };
}

// Half a character at the end, which some parsers refuse, becomes U+FFFD.
function cutText(text: string): string {
  return text.length <= cutAt ? text : `${text.slice(0, cutAt).toWellFormed()} … (cut)`;
}

/** About how much of the buffer a record takes, in bytes; cheap, for it is asked of every record. */
export function sizeOf(record: LogRecord): number {
  if (record.kind === "invocation") return overheadBytes + record.host.length + record.path.length;
  const { message, exception } = record;
  return overheadBytes + message.length + (exception === undefined ? 0 : exception.stack.length);
}

/** Ids, names, numbers and the keys of an invocation's record are some 400 bytes of JSON. */
const overheadBytes = 400;
