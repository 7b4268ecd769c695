// https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": the signature, flags, and no header extension.
const head = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const isNull = -1;
/** Unix milliseconds of 2000-01-01, which PostgreSQL's times count from. */
const epochMs = 946_684_800_000;
const jsonbVersion = 1;

/**
 * Rows for `COPY … FROM STDIN (FORMAT binary)`: each value goes in with its length, so that none has to be quoted, and
 * PostgreSQL need not parse it. The order of calls is that of the columns, and the names are those of PostgreSQL's types; what does not
 * fit one is a mistake of whoever calls.
 *
 * @example
 * const rows = new CopyRows();
 * rows.row(2).int4(1).text("first");
 * await transaction.copy("copy things (id, name) from stdin (format binary)", rows.bytes());
 */
export class CopyRows {
  #buffer = Buffer.allocUnsafeSlow(64 * 1_024);
  #at: number;

  constructor() {
    this.#at = head.copy(this.#buffer);
  }

  /** Begins a row of so many columns. */
  row(columns: number): this {
    this.#room(2);
    this.#at = this.#buffer.writeInt16BE(columns, this.#at);
    return this;
  }

  null(): this {
    this.#room(4);
    this.#at = this.#buffer.writeInt32BE(isNull, this.#at);
    return this;
  }

  int2(value: number): this {
    this.#begin(2);
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
    return this;
  }

  int4(value: number): this {
    this.#begin(4);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
    return this;
  }

  /** @param value a safe integer */
  int8(value: number): this {
    this.#begin(8);
    const high = Math.floor(value / 2 ** 32);
    this.#at = this.#buffer.writeInt32BE(high, this.#at);
    this.#at = this.#buffer.writeUInt32BE(value - high * 2 ** 32, this.#at);
    return this;
  }

  float8(value: number): this {
    this.#begin(8);
    this.#at = this.#buffer.writeDoubleBE(value, this.#at);
    return this;
  }

  bool(value: boolean): this {
    this.#begin(1);
    this.#at = this.#buffer.writeUInt8(value ? 1 : 0, this.#at);
    return this;
  }

  /** @param ms Unix milliseconds, whole */
  timestamptz(ms: number): this {
    return this.int8((ms - epochMs) * 1_000);
  }

  /** @param id with its four dashes */
  uuid(id: string): this {
    this.#begin(16);
    this.#at += this.#buffer.write(id.replaceAll("-", ""), this.#at, 16, "hex");
    return this;
  }

  text(value: string): this {
    this.#room(4 + 3 * value.length);
    const length = this.#buffer.write(value, this.#at + 4, "utf8");
    this.#buffer.writeInt32BE(length, this.#at);
    this.#at += 4 + length;
    return this;
  }

  jsonb(value: unknown): this {
    const text = JSON.stringify(value);
    this.#room(5 + 3 * text.length);
    const length = this.#buffer.write(text, this.#at + 5, "utf8");
    this.#buffer.writeInt32BE(1 + length, this.#at);
    this.#buffer.writeUInt8(jsonbVersion, this.#at + 4);
    this.#at += 5 + length;
    return this;
  }

  /** All of it, with its end; no more rows go in. */
  bytes(): Buffer {
    this.#room(2);
    this.#at = this.#buffer.writeInt16BE(-1, this.#at);
    return this.#buffer.subarray(0, this.#at);
  }

  #begin(length: number): void {
    this.#room(4 + length);
    this.#at = this.#buffer.writeInt32BE(length, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
