/// <reference types="@cloudflare/workers-types" />

interface D1Database {
  /**
   * Runs one statement with its values, for `?`, `?1` or `$1`: OpenWorkers' own, beside D1's methods. A value may also
   * be a bigint, a Date, an array or an object, which are PostgreSQL's int8, timestamptz, array and json.
   */
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<D1QueryResult<Row>>;
}

interface D1DatabaseSession {
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<D1QueryResult<Row>>;
}

interface D1QueryResult<Row = Record<string, unknown>> {
  rows: Row[];
  /** Rows that were changed, or read. */
  rowCount: number;
  /** `type` is PostgreSQL's name of it: `int4`, `text[]`, an enum's own. */
  columns: { name: string; type: string }[];
}
