/** One message of PostgreSQL's wire protocol: a type byte, four bytes of length, the rest. A start-up has no type. */
export interface Frame {
  /** Undefined for the first message of a client. */
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** Takes bytes as they come and gives whole messages. @param startup whether the first message has no type */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #startup: boolean;

  constructor({ startup }: { readonly startup: boolean }) {
    this.#startup = startup;
  }

  /** What has come and is no whole message yet. */
  get rest(): Buffer {
    return this.#rest;
  }

  *read(chunk: Uint8Array): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const head = this.#startup ? 0 : 1;
      if (this.#rest.length < head + 4) return;
      const end = head + this.#rest.readInt32BE(head);
      if (this.#rest.length < end) return;
      const type = this.#startup ? undefined : this.#rest.toString("latin1", 0, 1);
      const body = this.#rest.subarray(head + 4, end);
      this.#rest = this.#rest.subarray(end);
      yield { type, body };
    }
  }

  /** After a start-up that was no start-up but a question, another one comes. */
  started(): void {
    this.#startup = false;
  }
}

export function frame(type: string, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)),
  );
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
