import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";

export const maxBodyBytes = 10 * 2 ** 20;

/** Bodies that calls hold in memory, in all: a call that would go over it is refused. */
export class BodyMemory {
  readonly #most: number;
  #held = 0;

  constructor(mostBytes = 256 * 2 ** 20) {
    this.#most = mostBytes;
  }

  /**
   * The text of a request's body, and the memory it takes until it is disposed of.
   *
   * @throws OpenWorkersError BODY_TOO_LARGE, INVALID_INPUT (it is not UTF-8), OVERLOADED
   */
  async read(request: Request): Promise<{ readonly text: string } & Disposable> {
    const announced = request.headers.get("content-length");
    if (announced !== null && !(Number(announced) <= maxBodyBytes)) throw tooLarge();
    let held = 0;
    const letGo = () => {
      this.#held -= held;
      held = 0;
    };
    const hold = (bytes: number) => {
      if (this.#held + bytes > this.#most) throw tooMany();
      this.#held += bytes;
      held += bytes;
    };
    try {
      // The server reads no more than was announced.
      if (announced !== null) hold(Number(announced));
      const bytes = announced === null ? await readAtMost(request, hold) : await request.bytes();
      return { text: decoder.decode(bytes), [Symbol.dispose]: letGo };
    } catch (thrown) {
      letGo();
      if (isOpenWorkersError(thrown)) throw thrown;
      const why = isEncodingError(thrown) ? "is not UTF-8" : "ended before its body did";
      throw new OpenWorkersError("INVALID_INPUT", `The request ${why}.`, { cause: thrown });
    }
  }
}

function isEncodingError(thrown: unknown): boolean {
  return (
    thrown instanceof TypeError && "code" in thrown && thrown.code === "ERR_ENCODING_INVALID_ENCODED_DATA"
  );
}

// Strict about UTF-8, and about nothing else: a byte order mark is no part of JSON.
const decoder = new TextDecoder("utf-8", { fatal: true });

async function readAtMost(request: Request, hold: (bytes: number) => void): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of request.body ?? []) {
    length += piece.byteLength;
    if (length > maxBodyBytes) throw tooLarge();
    hold(piece.byteLength);
    pieces.push(piece);
  }
  return pieces.length === 1 ? (pieces[0] ?? new Uint8Array()) : Buffer.concat(pieces);
}

function tooMany(): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", "Too many large requests at once.", { hint: "Try again later." });
}

function tooLarge(): OpenWorkersError {
  return new OpenWorkersError("BODY_TOO_LARGE", `A request may have ${maxBodyBytes} bytes.`, {
    hint: "Send fewer statements or smaller values at once.",
  });
}
