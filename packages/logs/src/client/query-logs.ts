import type { LogRecord, WorkerId } from "@openworkers/core";
import { z } from "zod";
import type { LogFilter } from "../filter.ts";
import { askLogs, type LogPaths, logsUrl, searchOf, serviceLogPaths } from "./request.ts";

export interface QueryLogsOptions {
  readonly url: string;
  readonly token: string;
  readonly workerId: WorkerId;
  readonly filter: LogFilter;
  /** Unix milliseconds. */
  readonly from?: number;
  readonly to?: number;
  readonly order: "oldest-first" | "newest-first";
  /** How many in all, at most. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly paths?: LogPaths;
}

const pageSchema = z.object({ records: z.array(z.custom<LogRecord>()), next: z.string().nullable() });

/** The service's own most. */
const pageSize = 1_000;

/**
 * Stored records in order, read page by page as they are taken.
 *
 * @throws OpenWorkersError NOT_FOUND, UNAUTHORIZED, FORBIDDEN, INVALID_INPUT, DATABASE_UNAVAILABLE
 */
export async function* queryLogs(options: QueryLogsOptions): AsyncGenerator<LogRecord, void> {
  const { url, token, workerId, filter, from, to, order, signal, paths = serviceLogPaths } = options;
  let left = options.limit;
  let next: string | null = null;
  do {
    const cursor = next === null ? {} : order === "oldest-first" ? { after: next } : { before: next };
    const search = searchOf({ ...filter, from, to, order, limit: Math.min(left, pageSize), ...cursor });
    const answer = await askLogs(logsUrl(url, paths.query(workerId), search), { token, signal });
    const page: z.infer<typeof pageSchema> = pageSchema.parse(await answer.json());
    yield* page.records;
    left -= page.records.length;
    next = page.next;
  } while (next !== null && left > 0);
}
