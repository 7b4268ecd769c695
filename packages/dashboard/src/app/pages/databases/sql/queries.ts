import { ApiError } from "@openworkers/client";
import type { Api } from "../../../api/api.ts";
import { parseExact } from "./exact-json.ts";
import type { Row, Sql } from "./rows.ts";

/** What one statement gave. */
export interface Result {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
  /** As PostgreSQL calls what it did: `INSERT`. */
  readonly command: string;
  readonly rowCount: number;
  readonly durationMs: number;
}

/** A body of the query protocol. */
export type Query = Sql | { readonly batch: readonly Sql[] } | { readonly script: string };

/** What PostgreSQL says of a statement that failed. */
export interface SqlFailure {
  readonly message: string;
  readonly hint?: string;
  readonly code: string;
  readonly sqlstate?: string;
  /** In characters from 1, in its statement. */
  readonly position?: number;
  readonly detail?: string;
  readonly constraint?: string;
  readonly column?: string;
  /** Which of a batch, from 0. */
  readonly statement?: number;
}

/**
 * Runs a query on a database.
 *
 * @throws ApiError QUERY_FAILED with what `failureOf` reads
 */
export async function run(
  client: Api,
  database: string,
  account: { readonly account?: string },
  query: Query,
  signal?: AbortSignal,
): Promise<readonly Result[]> {
  const search = account.account === undefined ? "" : `?account=${encodeURIComponent(account.account)}`;
  const response = await client.fetch(`/v1/databases/${encodeURIComponent(database)}/query${search}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(query),
    ...(signal === undefined ? {} : { signal }),
  });
  return (parseExact(await response.text()) as { readonly results: readonly Result[] }).results;
}

/** What a query's error says; undefined when it is another's. */
export function failureOf(thrown: unknown): SqlFailure | undefined {
  if (!(thrown instanceof ApiError)) return undefined;
  const { code, message, hint, details } = thrown;
  return { ...details, code, message, ...(hint === undefined ? {} : { hint }) };
}

/** Rows of `selectRows` and `selectRow`. */
export function rowsOf({ rows }: Result): Row[] {
  return rows.map(([version, ...values]) => ({
    version: version as string | null,
    values: values as (string | null)[],
  }));
}
