import { type ApiClient, followLogs } from "@openworkers/client";
import type { Filter } from "./filter.ts";
import type { Seen } from "./record.ts";

/** Whose records: a worker's by its name or id, or those of all of an account's. */
export interface Source {
  readonly worker: string | undefined;
  /** `{ account }` for an organisation's. */
  readonly account: { readonly account?: string };
}

export interface PageQuery extends Filter {
  /** ISO 8601, as `to`. */
  readonly from?: string;
  readonly to?: string;
  readonly after?: string;
  readonly before?: string;
  readonly order: "oldest-first" | "newest-first";
  readonly limit: number;
}

export interface RecordPage {
  readonly records: readonly Seen[];
  /** Where to go on; null at the end. */
  readonly next: string | null;
}

/** A page of what is stored. @throws ApiError */
export async function readPage(
  client: ApiClient,
  { worker, account }: Source,
  query: PageQuery,
  signal: AbortSignal,
): Promise<RecordPage> {
  const page =
    worker === undefined
      ? client.data(client.api.GET("/v1/logs", { params: { query: { ...query, ...account } }, signal }))
      : client.data(
          client.api.GET("/v1/workers/{worker}/logs", { params: { path: { worker }, query }, signal }),
        );
  // The document leaves open what a record is.
  return (await page) as unknown as RecordPage;
}

/** Records as they come. @throws ApiError, OpenWorkersError OVERLOADED when they come faster than they are read */
export function follow(
  client: ApiClient,
  { worker, account }: Source,
  options: {
    readonly query: Filter & { readonly history?: string; readonly since?: string; readonly after?: string };
    readonly signal: AbortSignal;
    readonly onConnected: () => void;
    readonly onLost: (why: string) => void;
  },
): AsyncGenerator<Seen, void> {
  const whose = worker === undefined ? { query: { ...options.query, ...account } } : { worker };
  return followLogs(client, { ...options, ...whose }) as AsyncGenerator<Seen, void>;
}

export const iso = (time: number): string => new Date(time).toISOString();
