import { OpenWorkersError } from "@openworkers/core";

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
    const announced = Number(request.headers.get("content-length") ?? maxBodyBytes);
    if (!(announced <= maxBodyBytes)) throw tooLarge();
    this.#hold(announced);
    let bytes: Uint8Array;
    try {
      bytes = await readAtMost(request, maxBodyBytes);
    } finally {
      this.#held -= announced;
    }
    this.#hold(bytes.byteLength);
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      this.#held -= bytes.byteLength;
      throw new OpenWorkersError("INVALID_INPUT", "The request is not UTF-8.");
    }
    const letGo = () => {
      this.#held -= bytes.byteLength;
    };
    return { text, [Symbol.dispose]: letGo };
  }

  #hold(bytes: number): void {
    if (this.#held + bytes > this.#most) {
      throw new OpenWorkersError("OVERLOADED", "Too many large requests at once.", {
        hint: "Try again later.",
      });
    }
    this.#held += bytes;
  }
}

async function readAtMost(request: Request, most: number): Promise<Uint8Array> {
  // An announced length is what the server reads at most.
  if (request.headers.has("content-length")) return request.bytes();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of request.body ?? []) {
    length += piece.byteLength;
    if (length > most) throw tooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function tooLarge(): OpenWorkersError {
  return new OpenWorkersError("BODY_TOO_LARGE", `A request may have ${maxBodyBytes} bytes.`, {
    hint: "Send fewer statements or smaller values at once.",
  });
}
