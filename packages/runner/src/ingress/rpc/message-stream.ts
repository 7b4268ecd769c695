/** A message of Cap'n Proto's RPC protocol, as far as whoever passes it on needs to know it. */
export type RpcMessage =
  | { readonly kind: "bootstrap"; readonly question: number }
  | {
      readonly kind: "call";
      readonly question: number;
      /** Lower and upper half of the interface's id. */
      readonly interfaceLow: number;
      readonly interfaceHigh: number;
    }
  | { readonly kind: "return"; readonly question: number; readonly failed: boolean }
  | { readonly kind: "other" };

/** Cap'n Proto's own limit of what is read of a message (8 Mi words). */
const maxMessageBytes = 64 * 2 ** 20;
const maxSegments = 512;

/**
 * What is looked at of a message's first segment. Cap'n Proto lays out a message from its root on, so that what
 * kind of message it is, and what it is about, stands in front of everything that a worker put into it.
 */
const windowBytes = 128;

/** Ordinals of the union in `Message` (rpc.capnp). */
const kinds = { call: 2, return: 3, bootstrap: 8 } as const;
const other: RpcMessage = { kind: "other" };

/**
 * Finds the messages in a stream of them (capnproto.org/encoding.html#serialization-over-a-stream), of which it
 * keeps no more than the beginning of one.
 */
export class MessageStream {
  readonly #visit: (message: RpcMessage) => void;
  #partial: Buffer | undefined;
  /** Bytes of the current message that are still to come. */
  #rest = 0;
  #broken = false;

  constructor(visit: (message: RpcMessage) => void) {
    this.#visit = visit;
  }

  /** No message is half through. */
  get between(): boolean {
    return this.#rest === 0 && this.#partial === undefined && !this.#broken;
  }

  /** False from the moment on at which the bytes are no messages. */
  push(bytes: Buffer): boolean {
    if (this.#broken) return false;
    const all = this.#partial === undefined ? bytes : Buffer.concat([this.#partial, bytes]);
    this.#partial = undefined;
    for (let at = 0; at < all.length; ) {
      if (this.#rest > 0) {
        const taken = Math.min(this.#rest, all.length - at);
        this.#rest -= taken;
        at += taken;
        continue;
      }
      const size = sizeOf(all, at);
      if (size === undefined || all.length - at < size.lookBytes) {
        // Copied: the socket's buffer is used again.
        this.#partial = Buffer.from(all.subarray(at));
        break;
      }
      const message =
        size.bytes > maxMessageBytes ? undefined : read(all, at + size.headerBytes, at + size.lookBytes);
      if (message === undefined) {
        this.#broken = true;
        return false;
      }
      this.#rest = size.bytes;
      this.#visit(message);
    }
    return true;
  }
}

interface Size {
  readonly headerBytes: number;
  /** Header and as much of the first segment as must be there to know what the message is. */
  readonly lookBytes: number;
  readonly bytes: number;
}

/** Undefined when the header is not all there yet. */
function sizeOf(bytes: Buffer, at: number): Size | undefined {
  if (bytes.length - at < 8) return undefined;
  const segments = bytes.readUInt32LE(at) + 1;
  if (segments > maxSegments) return { headerBytes: 0, lookBytes: 0, bytes: Number.POSITIVE_INFINITY };
  const headerBytes = (4 + 4 * segments + 7) & ~7;
  if (bytes.length - at < headerBytes) return undefined;
  let words = 0;
  for (let index = 0; index < segments; index++) words += bytes.readUInt32LE(at + 4 + 4 * index);
  const firstBytes = bytes.readUInt32LE(at + 4) * 8;
  return {
    headerBytes,
    lookBytes: headerBytes + Math.min(firstBytes, windowBytes),
    bytes: headerBytes + words * 8,
  };
}

/** Reads the message whose first segment is at `from`; undefined when it is none, or not laid out in order. */
function read(bytes: Buffer, from: number, end: number): RpcMessage | undefined {
  const root = structAt(bytes, from, from, end);
  if (root === undefined || root.dataBytes < 8) return undefined;
  const kind = bytes.readUInt16LE(root.data);
  if (kind !== kinds.call && kind !== kinds.return && kind !== kinds.bootstrap) return other;
  const body = structAt(bytes, root.pointers, from, end);
  if (body === undefined || body.dataBytes < 8) return undefined;
  const question = bytes.readUInt32LE(body.data);
  if (kind === kinds.bootstrap) return { kind: "bootstrap", question };
  if (kind === kinds.return) {
    return { kind: "return", question, failed: bytes.readUInt16LE(body.data + 6) === 1 };
  }
  if (body.dataBytes < 16) return undefined;
  return {
    kind: "call",
    question,
    interfaceLow: bytes.readUInt32LE(body.data + 8),
    interfaceHigh: bytes.readUInt32LE(body.data + 12),
  };
}

interface Struct {
  readonly data: number;
  readonly dataBytes: number;
  readonly pointers: number;
}

/** The struct that the pointer at `pointer` leads to, when it lies between `from` and `end`. */
function structAt(bytes: Buffer, pointer: number, from: number, end: number): Struct | undefined {
  if (pointer < from || pointer + 8 > end) return undefined;
  const word = bytes.readInt32LE(pointer);
  if ((word & 3) !== 0) return undefined;
  const data = pointer + 8 + (word >> 2) * 8;
  const dataBytes = bytes.readUInt16LE(pointer + 4) * 8;
  if (data < from || data + dataBytes > end) return undefined;
  return { data, dataBytes, pointers: data + dataBytes };
}
