/**
 * Knows where one WebSocket frame ends and the next begins (RFC 6455 §5.2) in a stream of which nothing else is
 * understood: the only places where the platform may put a frame of its own.
 */
export class FrameBoundaries {
  /** The header so far: its first two bytes say how long it is. */
  readonly #header = new Uint8Array(14);
  #headerBytes = 0;
  #payloadLeft = 0;

  /** Everything followed so far ends with a whole frame. */
  get between(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0;
  }

  /** Reads on, and returns how many of `bytes` finish the frame they begin in; -1 when it does not end in them. */
  follow(bytes: Uint8Array): number {
    let first = -1;
    for (let at = 0; at < bytes.length; ) {
      if (this.#payloadLeft > 0) {
        const take = Math.min(this.#payloadLeft, bytes.length - at);
        this.#payloadLeft -= take;
        at += take;
      } else {
        this.#header[this.#headerBytes++] = bytes[at++] ?? 0;
        if (this.#headerBytes < headerLength(this.#header, this.#headerBytes)) continue;
        this.#payloadLeft = payloadLength(this.#header);
        this.#headerBytes = 0;
      }
      if (first < 0 && this.between) first = at;
    }
    return first;
  }
}

/** Of a header of which `known` bytes are there. */
function headerLength(header: Uint8Array, known: number): number {
  if (known < 2) return 2;
  const second = header[1] ?? 0;
  return 2 + extendedBytes(second & 0x7f) + (second & 0x80 ? 4 : 0);
}

function payloadLength(header: Uint8Array): number {
  const short = (header[1] ?? 0) & 0x7f;
  const extended = extendedBytes(short);
  if (extended === 0) return short;
  let length = 0;
  for (let index = 2; index < 2 + extended; index++) length = length * 256 + (header[index] ?? 0);
  return length;
}

function extendedBytes(short: number): number {
  return short === 126 ? 2 : short === 127 ? 8 : 0;
}

/** An unmasked Close frame with status 1001, "going away": a server that goes down (RFC 6455 §7.4.1). */
export const goingAwayFrame: Uint8Array = new Uint8Array([0x88, 2, 1001 >> 8, 1001 & 0xff]);
