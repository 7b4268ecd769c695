import { isId, type LogLevel, type LogRecord, logLevels } from "@openworkers/core";
import { z } from "zod";

/** How many characters of a request's id, from its end, are shown where a whole one takes too much room. */
export const shortIdLength = 8;
const shortId = /^[0-9a-f]{8}$/;

/** Which records a reader wants. Every given field must fit. */
export const logFilterSchema = z.object({
  kind: z.enum(["line", "invocation"]).exactOptional(),
  /** The least level; invocations count as `info`, or `error` when they did not end well. */
  level: z.enum(logLevels).exactOptional(),
  /** Text in the message, the exception or the path; case does not matter. */
  search: z.string().min(1).max(1_000).exactOptional(),
  /** A request's whole id, or the end of it that is shown. */
  requestId: z
    .string()
    .refine(
      (value) => isId(value) || shortId.test(value),
      "is neither a request's id nor its last 8 characters",
    )
    .exactOptional(),
  version: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .exactOptional(),
  /** An invocation's outcome. */
  outcome: z.string().max(32).exactOptional(),
  /** An invocation's status, or its class as in `5xx`. */
  status: z
    .string()
    .regex(/^[1-5](\d\d|xx)$/, "is a status such as 404, or a class such as 5xx")
    .exactOptional(),
});

export type LogFilter = z.infer<typeof logFilterSchema>;

export function matchesFilter(filter: LogFilter, record: LogRecord): boolean {
  if (filter.kind !== undefined && record.kind !== filter.kind) return false;
  if (filter.requestId !== undefined && record.requestId?.endsWith(filter.requestId) !== true) return false;
  if (filter.version !== undefined && record.version !== filter.version) return false;
  if (filter.level !== undefined && rankOf(levelOf(record)) < rankOf(filter.level)) return false;
  if (filter.search !== undefined && !textOf(record).toLowerCase().includes(filter.search.toLowerCase()))
    return false;
  if (filter.outcome === undefined && filter.status === undefined) return true;
  if (record.kind !== "invocation") return false;
  if (filter.outcome !== undefined && record.outcome !== filter.outcome) return false;
  return filter.status === undefined || matchesStatus(filter.status, record.status);
}

/** Lowest and highest status of `404` or `5xx`. */
export function statusRange(wanted: string): readonly [number, number] {
  const first = Number(wanted.replace("xx", "00"));
  return [first, wanted.endsWith("xx") ? first + 99 : first];
}

function matchesStatus(wanted: string, status: number): boolean {
  const [from, to] = statusRange(wanted);
  return status >= from && status <= to;
}

function levelOf(record: LogRecord): LogLevel {
  if (record.kind === "line") return record.level;
  return isError(record.outcome) ? "error" : "info";
}

/** Whether an outcome counts as an error. A client that went away is not the worker's. */
export function isError(outcome: string): boolean {
  return outcome !== "ok" && outcome !== "canceled";
}

/** A level's place in the table of levels. `console.log` is as important as `console.info`. */
export function rankOf(level: LogLevel): number {
  return logLevels.indexOf(level === "log" ? "info" : level);
}

function textOf(record: LogRecord): string {
  return record.kind === "line"
    ? `${record.message}\n${record.exception?.stack ?? ""}`
    : `${record.method} ${record.host}${record.path}`;
}
