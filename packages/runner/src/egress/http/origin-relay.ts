import { ChunkedDecoder, encodeChunk, lastChunk } from "../../ingress/http/chunked.ts";
import { findHeadEnd, maxHeadBytes } from "../../ingress/http/head.ts";
import { type OriginHead, parseOriginHead } from "./origin-response.ts";
import type { FetchRequest } from "./proxy-request.ts";

/** What bytes from outside amount to, and what the cell is to be sent for them. */
export type OriginEvent =
  | { readonly kind: "more"; readonly out: readonly Uint8Array[] }
  /** The response is whole. `reusable`: its connection can carry another exchange. */
  | { readonly kind: "end"; readonly out: readonly Uint8Array[]; readonly reusable: boolean }
  /** From here on the connection is a tunnel; `rest` are its first bytes. */
  | { readonly kind: "switch"; readonly head: Uint8Array; readonly rest: Buffer }
  | { readonly kind: "broken"; readonly why: string };

/** Turns a response from outside into the cell's, written anew from what was understood. */
export class OriginRelay {
  readonly #request: FetchRequest;
  #unread: Buffer | undefined;
  #head: OriginHead | undefined;
  #decoder: ChunkedDecoder | undefined;
  /** Body bytes still to come; infinite when the body ends with the connection. */
  #remaining = 0;
  /** Something has come. */
  touched = false;

  constructor(request: FetchRequest) {
    this.#request = request;
  }

  /** The cell has been sent the beginning of the response. */
  get begun(): boolean {
    return this.#head !== undefined;
  }

  /** Of the response; 0 before it has begun. */
  get status(): number {
    return this.#head?.status ?? 0;
  }

  take(bytes: Buffer): OriginEvent {
    this.touched = true;
    if (this.#head !== undefined) return this.#takeBody(this.#head, bytes, []);
    let unread = this.#unread === undefined ? bytes : Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const end = findHeadEnd(unread);
      if (end === -2) return { kind: "broken", why: "it answered with a line that ends in a bare LF" };
      if (end > maxHeadBytes || (end < 0 && unread.length > maxHeadBytes)) {
        return { kind: "broken", why: `it answered with more than ${maxHeadBytes} bytes of header fields` };
      }
      if (end < 0) {
        this.#unread = unread;
        return { kind: "more", out: [] };
      }
      const head = parseOriginHead(unread.toString("latin1", 0, end));
      if (head === undefined) return { kind: "broken", why: "its answer is malformed" };
      unread = unread.subarray(end);
      if (head.status === 101) return this.#switch(head, unread);
      // Other interim responses are between the two of us (RFC 9110 §15.2).
      if (head.status >= 200) return this.#takeHead(head, unread);
    }
  }

  /** The connection ended. Returns what is left to send, or undefined when the response is not whole. */
  end(): readonly Uint8Array[] | undefined {
    return this.#remaining === Number.POSITIVE_INFINITY ? [lastChunk] : undefined;
  }

  #switch(head: OriginHead, rest: Buffer): OriginEvent {
    if (!this.#request.webSocket || !head.webSocket) {
      return { kind: "broken", why: "it switched protocols although nobody asked" };
    }
    this.#head = head;
    const text = `HTTP/1.1 101 Switching Protocols\r\n${head.fields}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    return { kind: "switch", head: Buffer.from(text, "latin1"), rest };
  }

  #takeHead(head: OriginHead, rest: Buffer): OriginEvent {
    this.#unread = undefined;
    this.#head = head;
    const bodiless = this.#request.method === "HEAD" || head.status === 204 || head.status === 304;
    const { bodyLength } = head;
    let framing = bodyLength === undefined ? "" : `Content-Length: ${bodyLength}\r\n`;
    if (bodiless) {
      if (bodyLength === -1 || head.status === 204) framing = "";
    } else if (bodyLength === undefined || bodyLength < 0) {
      framing = "Transfer-Encoding: chunked\r\n";
      if (bodyLength === -1) this.#decoder = new ChunkedDecoder();
      else this.#remaining = Number.POSITIVE_INFINITY;
    } else this.#remaining = bodyLength;
    const text = `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.fields}${framing}\r\n`;
    return this.#takeBody(head, rest, [Buffer.from(text, "latin1")]);
  }

  #takeBody(head: OriginHead, bytes: Buffer, out: Uint8Array[]): OriginEvent {
    if (this.#remaining === Number.POSITIVE_INFINITY) {
      if (bytes.length > 0) out.push(encodeChunk([bytes], bytes.length, false));
      return { kind: "more", out };
    }
    if (this.#decoder !== undefined) {
      const { slices, bytes: count, consumed } = this.#decoder.decode(bytes);
      if (this.#decoder.broken) return { kind: "broken", why: "it sent a malformed chunk" };
      const { done } = this.#decoder;
      if (count > 0 || done) out.push(encodeChunk(slices, count, done));
      if (!done) return { kind: "more", out };
      return { kind: "end", out, reusable: head.keepAlive && consumed === bytes.length };
    }
    const take = Math.min(this.#remaining, bytes.length);
    this.#remaining -= take;
    if (take > 0) out.push(take === bytes.length ? bytes : bytes.subarray(0, take));
    if (this.#remaining > 0) return { kind: "more", out };
    return { kind: "end", out, reusable: head.keepAlive && take === bytes.length };
  }
}
