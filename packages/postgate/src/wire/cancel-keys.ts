import { randomBytes } from "node:crypto";

/** Who may be cancelled by which key. Keys are Postgate's own: PostgreSQL's never leave it. */
export class CancelKeys<Session> {
  readonly #sessions = new Map<string, Session>();

  /** 8 bytes that nobody can guess, which a CancelRequest must bring. */
  issue(session: Session): Buffer {
    for (;;) {
      const key = randomBytes(8);
      // The first half is shown as a process id, and drivers want those to be positive.
      key.writeUInt8(key.readUInt8(0) & 0x7f, 0);
      const text = key.toString("latin1");
      if (this.#sessions.has(text)) continue;
      this.#sessions.set(text, session);
      return key;
    }
  }

  find(key: Buffer): Session | undefined {
    return this.#sessions.get(key.toString("latin1"));
  }

  revoke(key: Buffer): void {
    this.#sessions.delete(key.toString("latin1"));
  }
}
