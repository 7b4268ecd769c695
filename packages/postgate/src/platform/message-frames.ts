/** A message of PostgreSQL's protocol, or a part of one. */
export interface Frame {
  /** Its letter. */
  readonly type: string;
  readonly bytes: Buffer;
  /** Whether it ends here. */
  readonly ends: boolean;
}

const headBytes = 5;
/** ReadyForQuery, whose last byte says what of the transaction. Nothing smaller is of interest. */
const wholeBytes = 6;

/** Cuts what comes of one side at messages' ends, in the memory of a header. */
export class MessageFrames {
  #held: Buffer = Buffer.alloc(0);
  #type = "";
  /** Bytes of the present message that are still to come. */
  #left = 0;

  /** Whether all that came was whole messages. */
  get between(): boolean {
    return this.#left === 0 && this.#held.length === 0;
  }

  /** @throws RangeError when it is not the protocol */
  *cut(bytes: Buffer): Generator<Frame, void, undefined> {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    while (rest.length > 0) {
      if (this.#left === 0) {
        if (rest.length < headBytes) break;
        const length = rest.readUInt32BE(1) + 1;
        if (length < headBytes) throw new RangeError("a message is shorter than its own length");
        // Small ones come whole.
        if (rest.length < Math.min(length, wholeBytes)) break;
        this.#type = String.fromCharCode(rest[0] ?? 0);
        this.#left = length;
      }
      const part = rest.subarray(0, this.#left);
      this.#left -= part.length;
      rest = rest.subarray(part.length);
      yield { type: this.#type, bytes: part, ends: this.#left === 0 };
    }
    this.#held = Buffer.from(rest);
  }
}
