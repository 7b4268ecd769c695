import { isOpenWorkersError, OpenWorkersError, within } from "@openworkers/core";

export const maxBodyBytes = 10 * 2 ** 20;
const smallBytes = 65_536;

export interface BodyMemoryOptions {
  /** In all; 256 MiB unless given. */
  readonly mostBytes?: number;
  /** For each tenant; 32 MiB unless given: whoever holds a token must not be able to take the memory of all. */
  readonly tenantBytes?: number;
  /** How long a body may take to come, however steadily it trickles; a minute unless given. */
  readonly patienceMs?: number;
}

/** Bodies that calls hold in memory, each tenant's and in all: a call that would go over it is refused. */
export class BodyMemory {
  readonly #most: number;
  readonly #mostOfTenant: number;
  readonly #patienceMs: number;
  #held = 0;
  readonly #byTenant = new Map<string, number>();

  constructor(options: BodyMemoryOptions = {}) {
    this.#most = options.mostBytes ?? 256 * 2 ** 20;
    this.#mostOfTenant = options.tenantBytes ?? 32 * 2 ** 20;
    this.#patienceMs = options.patienceMs ?? 60_000;
  }

  /**
   * The text of a request's body, and the memory it takes until it is disposed of.
   *
   * @throws OpenWorkersError BODY_TOO_LARGE, INVALID_INPUT (it is not UTF-8, or does not come to its end), OVERLOADED
   */
  async read(request: Request, tenant: string): Promise<{ readonly text: string } & Disposable> {
    const announced = request.headers.get("content-length");
    if (announced !== null && !(Number(announced) <= maxBodyBytes)) throw tooLarge();
    let held = 0;
    let over = false;
    const letGo = () => {
      this.#hold(tenant, -held);
      held = 0;
      over = true;
    };
    const hold = (bytes: number) => {
      // What still comes of a body that was given up is read no further.
      if (over) throw tooSlow();
      if (this.#held + bytes > this.#most) throw tooMany();
      if ((this.#byTenant.get(tenant) ?? 0) + bytes > this.#mostOfTenant) throw tooMany();
      this.#hold(tenant, bytes);
      held += bytes;
    };
    try {
      // The server reads no more than was announced, and a small body it reads faster by itself.
      const length = Number(announced ?? 0);
      hold(length);
      const small = announced !== null && length <= smallBytes;
      const bytes = await within(
        small ? request.bytes() : readAtMost(request, (all) => hold(Math.max(0, all - held))),
        this.#patienceMs,
      );
      if (bytes === undefined) throw tooSlow();
      return { text: decoder.decode(bytes), [Symbol.dispose]: letGo };
    } catch (thrown) {
      letGo();
      if (isOpenWorkersError(thrown)) throw thrown;
      const why = isEncodingError(thrown) ? "is not UTF-8" : "ended before its body did";
      throw new OpenWorkersError("INVALID_INPUT", `The request ${why}.`, { cause: thrown });
    }
  }

  #hold(tenant: string, bytes: number): void {
    this.#held += bytes;
    const held = (this.#byTenant.get(tenant) ?? 0) + bytes;
    if (held === 0) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, held);
  }
}

function isEncodingError(thrown: unknown): boolean {
  return (
    thrown instanceof TypeError && "code" in thrown && thrown.code === "ERR_ENCODING_INVALID_ENCODED_DATA"
  );
}

// Strict about UTF-8, and about nothing else: a byte order mark is no part of JSON.
const decoder = new TextDecoder("utf-8", { fatal: true });

async function readAtMost(request: Request, holdInAll: (bytes: number) => void): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of request.body ?? []) {
    length += piece.byteLength;
    if (length > maxBodyBytes) throw tooLarge();
    holdInAll(length);
    pieces.push(piece);
  }
  return pieces.length === 1 ? (pieces[0] ?? new Uint8Array()) : Buffer.concat(pieces);
}

function tooSlow(): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", "The request did not come to its end.", {
    hint: "Send fewer statements or smaller values at once, or over a faster line.",
  });
}

function tooMany(): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", "Too many large requests at once.", { hint: "Try again later." });
}

function tooLarge(): OpenWorkersError {
  return new OpenWorkersError("BODY_TOO_LARGE", `A request may have ${maxBodyBytes} bytes.`, {
    hint: "Send fewer statements or smaller values at once.",
  });
}
