import { type LogRecord, logLevels } from "@openworkers/core";
import { z } from "zod";

/** Which records a reader wants. Every given field must fit. */
export const logFilterSchema = z.object({
  worker: z.string().optional(),
  /** The least level; invocations count as `info`, or `error` when they did not end well. */
  level: z.enum(logLevels).optional(),
  /** Text in the message, the exception or the path; case does not matter. */
  search: z.string().optional(),
  requestId: z.string().optional(),
  /** An invocation's outcome. */
  outcome: z.string().optional(),
  /** An invocation's status, or its class as in `5xx`. */
  status: z
    .string()
    .regex(/^[1-5](\d\d|xx)$/)
    .optional(),
});

export type LogFilter = z.infer<typeof logFilterSchema>;

export function matchesFilter(filter: LogFilter, record: LogRecord): boolean {
  if (filter.worker !== undefined && record.worker !== filter.worker) return false;
  if (filter.requestId !== undefined && record.requestId !== filter.requestId) return false;
  if (filter.level !== undefined && rank(levelOf(record)) < rank(filter.level)) return false;
  if (filter.search !== undefined && !textOf(record).toLowerCase().includes(filter.search.toLowerCase()))
    return false;
  if (filter.outcome === undefined && filter.status === undefined) return true;
  if (record.kind !== "invocation") return false;
  if (filter.outcome !== undefined && record.outcome !== filter.outcome) return false;
  return filter.status === undefined || matchesStatus(filter.status, record.status);
}

function matchesStatus(wanted: string, status: number): boolean {
  return wanted.endsWith("xx") ? wanted[0] === String(status)[0] : wanted === String(status);
}

function levelOf(record: LogRecord): (typeof logLevels)[number] {
  if (record.kind === "line") return record.level;
  return record.outcome === "ok" || record.outcome === "canceled" ? "info" : "error";
}

// `console.log` is as important as `console.info`: the table of levels lists both, and they rank alike.
function rank(level: (typeof logLevels)[number]): number {
  return logLevels.indexOf(level === "log" ? "info" : level);
}

function textOf(record: LogRecord): string {
  return record.kind === "line"
    ? `${record.message}\n${record.exception?.stack ?? ""}`
    : `${record.method} ${record.host}${record.path}`;
}
