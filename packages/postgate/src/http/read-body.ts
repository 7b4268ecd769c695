import { isOpenWorkersError, OpenWorkersError, within } from "@openworkers/core";
import type { MemoryShare } from "./call-memory.ts";

export const maxBodyBytes = 10 * 2 ** 20;
/** How long a body may take to come, however steadily it trickles: it holds memory that others wait for. */
const patienceMs = 60_000;

/**
 * The text of a request's body, whose bytes are taken from `memory`.
 *
 * @throws OpenWorkersError BODY_TOO_LARGE, INVALID_INPUT (it is not UTF-8, not whole, or too slow), OVERLOADED
 */
export async function readBody(
  request: Request,
  memory: MemoryShare,
  withinMs = patienceMs,
): Promise<string> {
  const announced = request.headers.get("content-length");
  if (announced !== null && !(Number(announced) <= maxBodyBytes)) throw tooLarge();
  try {
    // The server reads no more than was announced.
    if (announced !== null) memory.take(Number(announced));
    if (announced !== null && Number(announced) <= smallBytes) {
      return decoder.decode(await readSmall(request, withinMs));
    }
    const reading = new AbortController();
    const take = (bytes: number) => {
      // What still comes of a body that was given up is nobody's.
      reading.signal.throwIfAborted();
      if (announced === null) memory.take(bytes);
    };
    const bytes = await within(readAtMost(request, take), withinMs);
    if (bytes === undefined) {
      reading.abort();
      throw tooSlow();
    }
    return decoder.decode(bytes);
  } catch (thrown) {
    if (isOpenWorkersError(thrown)) throw thrown;
    const why = isEncodingError(thrown) ? "is not UTF-8" : "ended before its body did";
    throw new OpenWorkersError("INVALID_INPUT", `The request ${why}.`, { cause: thrown });
  }
}

/** Of bodies that have been announced. To read one as a stream costs more than a short statement does. */
const smallBytes = 65_536;

async function readSmall(request: Request, withinMs: number): Promise<Uint8Array> {
  const reading = request.bytes();
  // It has come with the head, as a rule.
  const bytes = Bun.peek.status(reading) === "fulfilled" ? await reading : await within(reading, withinMs);
  if (bytes === undefined) throw tooSlow();
  return bytes;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function isEncodingError(thrown: unknown): boolean {
  return (
    thrown instanceof TypeError && "code" in thrown && thrown.code === "ERR_ENCODING_INVALID_ENCODED_DATA"
  );
}

async function readAtMost(request: Request, take: (bytes: number) => void): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of request.body ?? []) {
    length += piece.byteLength;
    if (length > maxBodyBytes) throw tooLarge();
    take(piece.byteLength);
    pieces.push(piece);
  }
  return pieces.length === 1 ? (pieces[0] ?? new Uint8Array()) : Buffer.concat(pieces);
}

function tooSlow(): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", "The request did not come to its end.", {
    hint: "Send smaller values at once, or over a faster line.",
  });
}

function tooLarge(): OpenWorkersError {
  return new OpenWorkersError("BODY_TOO_LARGE", `A request may have ${maxBodyBytes} bytes.`, {
    hint: "Send fewer statements or smaller values at once.",
  });
}
