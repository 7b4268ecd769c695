import type { Field } from "pg-protocol/dist/messages.js";
import type { ColumnType } from "./column-types.ts";

/** What the results of a statement have in common: all but their rows. */
export class ResultShape {
  readonly fields: readonly Field[];
  /** What JSON each column's values become; undefined while the type of one is not known. */
  readonly toJson: readonly ((text: string) => string)[] | undefined;
  /** What each result takes beside its rows: its names, and some 100 bytes of brackets. */
  readonly bytes: number;
  readonly #typeOf: (oid: number) => ColumnType | undefined;
  #columns: string | undefined;

  constructor(fields: readonly Field[], typeOf: (oid: number) => ColumnType | undefined) {
    this.fields = fields;
    this.#typeOf = typeOf;
    const encoders = fields.flatMap(({ dataTypeID }) => typeOf(dataTypeID)?.toJson ?? []);
    this.toJson = encoders.length === fields.length ? encoders : undefined;
    this.bytes = fields.reduce((sum, { name }) => sum + name.length + 40, 100);
  }

  /** Numbers of types that the database is yet to be asked about. */
  get unknownTypes(): number[] {
    if (this.toJson !== undefined) return [];
    return this.fields.map(({ dataTypeID }) => dataTypeID).filter((oid) => this.#typeOf(oid) === undefined);
  }

  /** As `toJson`, of what is known by now; what is not is text. */
  get encoders(): readonly ((text: string) => string)[] {
    return (
      this.toJson ?? this.fields.map(({ dataTypeID }) => this.#typeOf(dataTypeID)?.toJson ?? JSON.stringify)
    );
  }

  /** The columns of an answer, in JSON. */
  get columns(): string {
    if (this.#columns !== undefined) return this.#columns;
    const columns = this.fields.map(
      ({ name, dataTypeID }) =>
        `{"name":${JSON.stringify(name)},"type":${JSON.stringify(this.#typeOf(dataTypeID)?.name ?? "unknown")}}`,
    );
    const json = columns.join();
    // What is not known may be, the next time.
    if (this.toJson !== undefined) this.#columns = json;
    return json;
  }
}
