import { type FieldKind, fieldOf } from "./field.ts";
import { hasControl } from "./head.ts";

/** What one call to `decode` found in its input. */
export interface Decoded {
  /** Body bytes, views into the input. */
  readonly slices: Uint8Array[];
  /** How many of them. */
  readonly bytes: number;
  /** How much of the input was used; less than all only when the body has ended. */
  readonly consumed: number;
}

// A chunk-size line (RFC 9112 §7.1): the number (any length; 12 digits are 256 TiB) and extensions, which are read
// past. Bounded, because an extension is a place where bytes hide from a body limit; held to the grammar, because
// parsers that are lax there find its end in different places.
const maxSizeLine = 256;
const maxTrailerBytes = 8 * 1024;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*"';
const sizeLine = new RegExp(`^([0-9A-Fa-f]{1,12})(?:;${token}(?:=(?:${token}|${quoted}))?)*$`);

type State = "size" | "data" | "data-end" | "trailer" | "done" | "broken";

/** Incremental decoder of the chunked transfer coding. Trailers are checked, bounded and dropped. */
export class ChunkedDecoder {
  #state: State = "size";
  #remaining = 0;
  /** The start of a line whose end has not come yet. */
  #line = "";
  #trailerBytes = 0;

  get done(): boolean {
    return this.#state === "done";
  }

  /** The input was not a chunked body; what was decoded before is all there is. */
  get broken(): boolean {
    return this.#state === "broken";
  }

  decode(input: Buffer): Decoded {
    const slices: Uint8Array[] = [];
    let bytes = 0;
    let at = 0;
    while (at < input.length && this.#state !== "done" && this.#state !== "broken") {
      if (this.#state === "data") {
        const take = Math.min(this.#remaining, input.length - at);
        slices.push(input.subarray(at, at + take));
        bytes += take;
        at += take;
        this.#remaining -= take;
        if (this.#remaining === 0) this.#state = "data-end";
        continue;
      }
      const lf = input.indexOf(10, at);
      const until = lf < 0 ? input.length : lf + 1;
      this.#line += input.toString("latin1", at, until);
      at = until;
      if (lf < 0) {
        const tooLong = this.#line.length > this.#lineLimit();
        if (tooLong || (this.#state === "data-end" && this.#line !== "\r")) this.#state = "broken";
        break;
      }
      const line = this.#line;
      this.#line = "";
      if (!line.endsWith("\r\n") || line.length > this.#lineLimit()) this.#state = "broken";
      else this.#takeLine(line.slice(0, -2));
    }
    return { slices, bytes, consumed: at };
  }

  #lineLimit(): number {
    return this.#state === "size" ? maxSizeLine : this.#state === "data-end" ? 2 : maxTrailerBytes;
  }

  #takeLine(line: string): void {
    if (this.#state === "data-end") {
      this.#state = line === "" ? "size" : "broken";
    } else if (this.#state === "size") {
      const match = sizeLine.exec(line);
      if (match === null) {
        this.#state = "broken";
        return;
      }
      this.#remaining = Number.parseInt(match[1] ?? "", 16);
      this.#state = this.#remaining === 0 ? "trailer" : "data";
    } else {
      this.#trailerBytes += line.length + 2;
      if (line === "") this.#state = "done";
      else if (this.#trailerBytes > maxTrailerBytes || !isTrailer(line)) this.#state = "broken";
    }
  }
}

/** Fields that frame, route or end a message are no trailers (RFC 9110 §6.5.1); some parsers act on them all the same. */
const onlyInHeads: ReadonlySet<FieldKind> = new Set([
  ...(["host", "content-length", "transfer-encoding"] as const),
  ...(["connection", "upgrade", "expect"] as const),
]);

function isTrailer(line: string): boolean {
  const field = fieldOf(line.slice(0, Math.max(0, line.indexOf(":"))));
  return field !== undefined && !onlyInHeads.has(field.kind) && !hasControl(line);
}

export const lastChunk = Buffer.from("0\r\n\r\n", "latin1");

/** `slices` as one chunk, followed by the last chunk when `last`. Empty input without `last` is no chunk. */
export function encodeChunk(slices: readonly Uint8Array[], bytes: number, last: boolean): Buffer {
  const tail = last ? lastChunk.length : 0;
  if (bytes === 0) return last ? lastChunk : Buffer.alloc(0);
  const size = `${bytes.toString(16)}\r\n`;
  const out = Buffer.allocUnsafe(size.length + bytes + 2 + tail);
  let at = out.write(size, 0, "latin1");
  for (const slice of slices) {
    out.set(slice, at);
    at += slice.length;
  }
  out[at++] = 13;
  out[at++] = 10;
  if (last) out.set(lastChunk, at);
  return out;
}
