import { ChunkedDecoder, encodeChunk } from "./http/chunked.ts";
import { findHeadEnd, maxHeadBytes } from "./http/head.ts";
import type { RequestHead } from "./http/request-head.ts";
import { parseResponseHead, type ResponseHead } from "./http/response-head.ts";
import { type Answer, noFetchHandler, terminated } from "./problems.ts";
import { type Framing, framingOf, writeHead, writeSwitch } from "./response-writer.ts";

/** What the cell's bytes amount to, and what the client is to be sent for them. */
export type RelayEvent =
  | { readonly kind: "more"; readonly out: readonly Uint8Array[] }
  /** The response is whole. `reusable`: the connection to the cell can carry another exchange. */
  | { readonly kind: "end"; readonly out: readonly Uint8Array[]; readonly reusable: boolean }
  /** From here on the connection is a tunnel; `rest` are its first bytes. */
  | { readonly kind: "switch"; readonly head: Uint8Array; readonly rest: Buffer }
  | { readonly kind: "exception"; readonly answer: Answer }
  | { readonly kind: "broken"; readonly why: string };

export interface RelayOptions {
  readonly requestId: string;
  readonly keepAlive: boolean;
}

// Bodies up to this are copied behind their head so that both leave in one write.
const joinBytes = 64 * 1024;

/**
 * Turns a cell's response into the client's. The response is written anew from what was understood, never
 * passed through: a cell that sends two responses, or one of ambiguous length, ends its own connection and
 * nobody else's.
 */
export class ResponseRelay {
  readonly #request: RequestHead;
  readonly #options: RelayOptions;
  #headBytes: Buffer | undefined;
  #head: ResponseHead | undefined;
  #framing: Framing = "none";
  #remaining = 0;
  #decoder: ChunkedDecoder | undefined;
  /** The cell has sent something. */
  touched = false;

  constructor(request: RequestHead, options: RelayOptions) {
    this.#request = request;
    this.#options = options;
  }

  /** The client has been sent the beginning of a response. */
  get begun(): boolean {
    return this.#head !== undefined;
  }

  get status(): number {
    return this.#head?.status ?? 0;
  }

  /** The response has begun, and nobody said how long it is. */
  get openEnded(): boolean {
    return this.#decoder !== undefined;
  }

  /** The client's connection can carry another request after this response. */
  get keepAlive(): boolean {
    return this.#options.keepAlive && this.#framing !== "close";
  }

  take(bytes: Buffer): RelayEvent {
    this.touched = true;
    if (this.#head !== undefined) return this.#takeBody(bytes, undefined);
    let unread = this.#headBytes === undefined ? bytes : Buffer.concat([this.#headBytes, bytes]);
    for (;;) {
      const end = findHeadEnd(unread);
      if (end === -2) return broken("a line without CR");
      if (end > maxHeadBytes || (end < 0 && unread.length > maxHeadBytes)) return broken("a head too large");
      if (end < 0) {
        this.#headBytes = unread;
        return { kind: "more", out: [] };
      }
      const head = parseResponseHead(unread.toString("latin1", 0, end));
      if (head === undefined) return broken("a malformed head");
      unread = unread.subarray(end);
      // Interim responses are the cell's business: the ingress has answered `Expect` itself.
      if (head.status >= 200 || head.status === 101) return this.#takeHead(head, unread);
    }
  }

  #takeHead(head: ResponseHead, rest: Buffer): RelayEvent {
    this.#headBytes = undefined;
    if (head.status === 101) {
      if (!this.#request.webSocket) return broken("a switch of protocols nobody asked for");
      this.#head = head;
      const text = Buffer.from(writeSwitch(head, this.#options.requestId), "latin1");
      return { kind: "switch", head: text, rest };
    }
    if (head.exception !== undefined) {
      return { kind: "exception", answer: head.status === 501 ? noFetchHandler : terminated("exception") };
    }
    const framing = framingOf(head, this.#request.method, this.#request.minor);
    if (framing === undefined) return broken("a body without an end");
    this.#head = head;
    this.#framing = framing;
    const hasBody = framing !== "none" && head.bodyLength !== 0;
    if (hasBody && head.bodyLength === -1) this.#decoder = new ChunkedDecoder();
    this.#remaining = hasBody ? (head.bodyLength ?? 0) : 0;
    const text = writeHead(head, framing, this.#options.requestId, this.keepAlive);
    return this.#takeBody(rest, text);
  }

  #takeBody(bytes: Buffer, headText: string | undefined): RelayEvent {
    const head = this.#head;
    if (head === undefined) return broken("a body without a head");
    if (this.#decoder === undefined) {
      const take = Math.min(this.#remaining, bytes.length);
      this.#remaining -= take;
      const out = joined(headText, take === bytes.length ? bytes : bytes.subarray(0, take));
      if (this.#remaining > 0) return { kind: "more", out };
      return { kind: "end", out, reusable: head.keepAlive && take === bytes.length };
    }
    const { slices, bytes: count, consumed } = this.#decoder.decode(bytes);
    if (this.#decoder.broken) {
      // Nothing of this response has left yet when its head came with these bytes.
      if (headText !== undefined) this.#head = undefined;
      return broken("a malformed chunk");
    }
    const { done } = this.#decoder;
    const out =
      this.#framing === "chunked"
        ? joined(headText, encodeChunk(slices, count, done))
        : joined(headText, slices.length === 1 ? (slices[0] ?? empty) : Buffer.concat(slices));
    if (!done) return { kind: "more", out };
    return { kind: "end", out, reusable: head.keepAlive && consumed === bytes.length };
  }
}

const empty = new Uint8Array(0);

function broken(why: string): RelayEvent {
  return { kind: "broken", why };
}

function joined(headText: string | undefined, body: Uint8Array): readonly Uint8Array[] {
  if (headText === undefined) return body.length === 0 ? [] : [body];
  if (body.length === 0) return [Buffer.from(headText, "latin1")];
  if (body.length > joinBytes) return [Buffer.from(headText, "latin1"), body];
  const out = Buffer.allocUnsafe(headText.length + body.length);
  out.write(headText, 0, "latin1");
  out.set(body, headText.length);
  return [out];
}
