import { storageError } from "@openworkers/core";

/** More than any request of workerd's: 1,000 keys of 1,024 characters that JSON escapes. */
const maxHeadBytes = 8 * 2 ** 20;
/** What is read of a body that nobody wants, so that its sender comes to see the answer. */
const maxDrainedBytes = 64 * 2 ** 20;

type BodyReader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

/** A request's body: JSON of a known length, and then whatever is to be stored. */
export interface SplitBody {
  readonly head: string;
  /** Canceling it leaves what was not read where it is. */
  readonly rest: ReadableStream<Uint8Array>;
  /** Bytes of `rest`, as the sender says. */
  readonly restBytes: number;
  /**
   * Reads what is left when it is refused, however far whoever was to store it came. workerd's client writes it all
   * before it looks at the answer: a connection that closes on it would be all that the worker learns.
   */
  drain(): Promise<void>;
}

/** Reads the head of a put. @throws the errors invalidArgument, incompleteBody */
export async function splitBody(request: Request): Promise<SplitBody> {
  const headBytes = parseCount(request.headers.get("cf-r2-metadata-size"));
  const bytes = parseCount(request.headers.get("content-length"));
  if (headBytes > maxHeadBytes || headBytes > bytes || request.body === null)
    throw storageError("invalidArgument");
  const reader = request.body.getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  while (length < headBytes) {
    const { done, value } = await reader.read();
    if (done) throw storageError("incompleteBody");
    pieces.push(value);
    length += value.byteLength;
  }
  const start = Buffer.concat(pieces);
  return {
    head: start.subarray(0, headBytes).toString("utf8"),
    rest: streamOf(start.subarray(headBytes), reader),
    restBytes: bytes - headBytes,
    drain: () => drain(reader),
  };
}

function parseCount(text: string | null): number {
  if (text === null || !/^\d{1,15}$/.test(text)) throw storageError("invalidArgument");
  return Number(text);
}

function streamOf(start: Uint8Array, reader: BodyReader): ReadableStream<Uint8Array> {
  let first: Uint8Array | undefined = start.byteLength === 0 ? undefined : start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (first !== undefined) {
          controller.enqueue(first);
          first = undefined;
          return;
        }
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

async function drain(reader: BodyReader): Promise<void> {
  try {
    for (let length = 0; length <= maxDrainedBytes; ) {
      const { done, value } = await reader.read();
      if (done) return;
      length += value.byteLength;
    }
    await reader.cancel();
  } catch {
    // Whoever sent it has left; the error that it is refused with has nobody to hear it either.
  }
}
