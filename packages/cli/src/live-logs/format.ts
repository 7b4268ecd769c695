import type { InvocationRecord, LogLine, LogRecord } from "@openworkers/core";
import colors from "picocolors";
import { formatMs } from "../output/format.ts";
import { printable } from "../output/printable.ts";

export interface LogFormat {
  /** Name the worker on each line: for a reader of more than one. */
  readonly showWorker: boolean;
  /** Say the day as well: for records that are not of this moment. */
  readonly showDate?: boolean;
}

const levelColors = {
  trace: colors.dim,
  debug: colors.dim,
  info: colors.cyan,
  log: (text: string) => text,
  warn: colors.yellow,
  error: colors.red,
} as const;

/** A record as a person reads it: time, level, version, request, message; further lines are indented. */
export function formatRecord(record: LogRecord, { showWorker, showDate = false }: LogFormat): string {
  const text = new Date(record.time).toISOString().slice(showDate ? 0 : 11, 23);
  const time = colors.dim(text.replace("T", " "));
  const worker = showWorker ? ` ${colors.bold(record.worker)}` : "";
  const origin = colors.dim(`v${record.version} ${record.requestId?.slice(-8) ?? "-".repeat(8)}`);
  const body = record.kind === "line" ? formatLine(record) : formatInvocation(record);
  return `${time}${worker} ${origin} ${body}`;
}

function formatLine(line: LogLine): string {
  const level = levelColors[line.level](line.level.toUpperCase().padEnd(5));
  const text = line.exception
    ? printable(line.exception.stack || line.exception.message)
    : printable(line.message);
  return `${level} ${text.replaceAll("\n", "\n    ")}`;
}

function formatInvocation(record: InvocationRecord): string {
  const good = record.outcome === "ok";
  const isRequest = record.event === undefined;
  const status = isRequest ? String(record.status) : record.outcome === "ok" ? "ok" : "failed";
  const notes = [
    `${formatMs(record.wallMs)}, CPU ${record.cpuMs.toFixed(1)} ms`,
    ...(record.coldStart ? ["cold start"] : []),
    ...(good ? [] : [record.outcome]),
  ];
  const what = isRequest
    ? `${record.method} ${record.host}${record.path}`
    : `${record.trigger === "scheduled" ? "cron" : record.trigger} ${record.event}`;
  const color = good && record.status < 500 ? colors.green : colors.red;
  return `${color(status.padEnd(5))} ${printable(what)} ${colors.dim(`(${notes.join(", ")})`)}`;
}
