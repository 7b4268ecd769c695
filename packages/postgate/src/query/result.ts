import { OpenWorkersError } from "@openworkers/core";
import type { ResultShape } from "./result-shape.ts";

/** What results are held in, over all calls. */
export interface ResultMemory {
  /** @throws OpenWorkersError OVERLOADED */
  take(bytes: number): void;
}

/** Memory is taken in steps: most results are smaller than one. */
const stepBytes = 65_536;

/** How much of an answer is still allowed, over all results of a call. */
export class ResultAllowance {
  readonly #most: { readonly rows: number; readonly bytes: number };
  readonly #memory: ResultMemory | undefined;
  #rows = 0;
  #bytes = 0;
  #untaken = 0;

  constructor(most: { readonly rows: number; readonly bytes: number }, memory?: ResultMemory) {
    this.#most = most;
    this.#memory = memory;
  }

  /** @throws OpenWorkersError RESULT_TOO_LARGE, OVERLOADED */
  take(rows: number, bytes: number): void {
    this.#untaken += bytes;
    if (this.#untaken >= stepBytes) {
      this.#memory?.take(this.#untaken);
      this.#untaken = 0;
    }
    this.#rows += rows;
    this.#bytes += bytes;
    if (this.#rows > this.#most.rows) throw tooLarge(`${this.#most.rows} rows`);
    if (this.#bytes > this.#most.bytes) throw tooLarge(`${this.#most.bytes} bytes`);
  }

  /** Whether `bytes`, which no row accounts for yet, can be part of an answer at all. @throws as `take` */
  expect(bytes: number): void {
    if (this.#bytes + bytes > this.#most.bytes) throw tooLarge(`${this.#most.bytes} bytes`);
  }
}

function tooLarge(most: string): OpenWorkersError {
  return new OpenWorkersError("RESULT_TOO_LARGE", `The result is larger than ${most}; nothing was changed.`, {
    hint: "Add a LIMIT, select fewer columns, or read it in parts.",
  });
}

/** The result of one statement, in the making. */
export class Result {
  readonly shape: ResultShape;
  readonly #allowance: ResultAllowance;
  #rows = "";
  /** Rows as they came, while a column's type is not known. */
  readonly #raw: (readonly (string | null)[])[] = [];
  #rowCount = 0;
  #tag = "";
  #durationMs = 0;

  constructor(shape: ResultShape, allowance: ResultAllowance) {
    this.shape = shape;
    this.#allowance = allowance;
    allowance.take(0, shape.bytes);
  }

  /**
   * @param bytes of its values, as they came: text beyond ASCII has more of them than characters
   * @throws OpenWorkersError RESULT_TOO_LARGE
   */
  addRow(fields: readonly (string | null)[], bytes: number): void {
    const { toJson } = this.shape;
    if (toJson === undefined) {
      this.#allowance.take(1, bytes + 3 * fields.length);
      this.#raw.push(fields);
      return;
    }
    const json = rowToJson(fields, toJson);
    this.#allowance.take(1, Math.max(json.length + 1, bytes));
    this.#rows += this.#rowCount++ === 0 ? json : `,${json}`;
  }

  /** @param tag what the server calls what it did, such as `INSERT 0 1` */
  complete(tag: string, durationMs: number): void {
    this.#tag = tag;
    this.#durationMs = durationMs;
  }

  /** Rows as text; only of a result whose types are not known. */
  get rawRows(): readonly (readonly (string | null)[])[] {
    return this.#raw;
  }

  toJson(): string {
    const { shape } = this;
    const { encoders } = shape;
    const rows =
      shape.toJson === undefined ? this.#raw.map((row) => rowToJson(row, encoders)).join() : this.#rows;
    // `SELECT 2`, `INSERT 0 2` (an oid that is no more, and the count), `CREATE TABLE`.
    const [, command, count] = /^(.*?)(?: 0)?(?: (\d+))?$/.exec(this.#tag) ?? [];
    return (
      `{"columns":[${shape.columns}],"rows":[${rows}],"command":${JSON.stringify(command ?? "")},` +
      `"rowCount":${count ?? 0},"durationMs":${this.#durationMs.toFixed(3)}}`
    );
  }
}

function rowToJson(
  fields: readonly (string | null)[],
  encoders: readonly ((text: string) => string)[],
): string {
  let json = "[";
  for (let index = 0; index < fields.length; index++) {
    const text = fields[index];
    if (index > 0) json += ",";
    json += text == null ? "null" : (encoders[index]?.(text) ?? "null");
  }
  return `${json}]`;
}
