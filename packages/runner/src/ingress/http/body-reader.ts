import { ChunkedDecoder } from "./chunked.ts";

/** Body bytes found in what was read from a client. */
export interface BodyPart {
  readonly slices: readonly Uint8Array[];
  readonly bytes: number;
  /** What follows the body, or undefined when nothing does. */
  readonly rest: Buffer | undefined;
}

/** Cuts a request's body out of the bytes of its connection, by length or by chunks. */
export class BodyReader {
  #remaining: number;
  readonly #decoder: ChunkedDecoder | undefined;
  /** Body bytes read so far. */
  total = 0;

  /** @param length as `RequestHead.bodyLength` has it: -1 for chunked */
  constructor(length: number) {
    this.#remaining = length;
    this.#decoder = length < 0 ? new ChunkedDecoder() : undefined;
  }

  get done(): boolean {
    return this.#decoder?.done ?? this.#remaining === 0;
  }

  /** The bytes were no chunked body: where it ends cannot be known. */
  get broken(): boolean {
    return this.#decoder?.broken ?? false;
  }

  read(input: Buffer): BodyPart {
    if (this.#decoder !== undefined) {
      const { slices, bytes, consumed } = this.#decoder.decode(input);
      this.total += bytes;
      return { slices, bytes, rest: consumed === input.length ? undefined : input.subarray(consumed) };
    }
    const bytes = Math.min(this.#remaining, input.length);
    this.#remaining -= bytes;
    this.total += bytes;
    const whole = bytes === input.length;
    return {
      slices: [whole ? input : input.subarray(0, bytes)],
      bytes,
      rest: whole ? undefined : input.subarray(bytes),
    };
  }
}
