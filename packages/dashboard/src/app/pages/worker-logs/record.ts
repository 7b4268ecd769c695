import type { LogRecord } from "@openworkers/core";

/** A record and where it is among all: `1099511627777.3`. */
export type Seen = LogRecord & { readonly position: string };
export type SeenLine = Extract<Seen, { kind: "line" }>;
export type SeenInvocation = Extract<Seen, { kind: "invocation" }>;

/** How much of a request's id is shown where all of it takes too much room. */
const shortIdLength = 8;

export function shortId(requestId: string | undefined): string {
  return requestId?.slice(-shortIdLength) ?? "";
}

/** Negative when `a` comes first. */
export function comparePositions(a: string, b: string): number {
  const [batchA = 0, indexA = 0] = a.split(".").map(Number);
  const [batchB = 0, indexB = 0] = b.split(".").map(Number);
  return batchA - batchB || indexA - indexB;
}

/** What has come right before it begins here: to go on with `before`, and not miss it. */
export function justAfter(position: string): string {
  const [batch, index] = position.split(".").map(Number);
  return `${batch}.${(index ?? 0) + 1}`;
}

/** Whether an outcome counts as an error. A client that went away is not the worker's. */
export function isError(outcome: string): boolean {
  return outcome !== "ok" && outcome !== "canceled";
}

// Escape sequences of terminals: colours that a library writes.
const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, "g");

/** A line's text as a page can show it. */
export function messageOf({ message }: SeenLine): string {
  return message.replace(escapes, "");
}

/** `GET /path`, or the cron or queue that it was. */
export function whatOf({ trigger, method, path, host, event }: SeenInvocation, withHost = false): string {
  if (event !== undefined) return `${trigger === "scheduled" ? "cron" : trigger} ${event}`;
  return `${method} ${withHost ? host : ""}${path}`;
}

/** Milliseconds as a reader has them: `0.4 ms`, `12 ms`, `1.25 s`. */
export function formatMs(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** A record as `ow logs` writes it. */
export function textOf(record: Seen): string {
  const head = `${new Date(record.time).toISOString()} ${record.worker} v${record.version} ${shortId(record.requestId) || "-".repeat(shortIdLength)}`;
  if (record.kind === "line") {
    const text = record.exception?.stack || messageOf(record);
    return `${head} ${record.level.toUpperCase().padEnd(5)} ${text.replaceAll("\n", "\n    ")}`;
  }
  const notes = [
    formatMs(record.wallMs),
    `CPU ${formatMs(record.cpuMs)}`,
    ...(record.coldStart ? ["cold start"] : []),
    record.outcome,
  ];
  const status = record.event === undefined ? String(record.status) : record.outcome;
  return `${head} ${status.padEnd(5)} ${whatOf(record, true)} (${notes.join(", ")})`;
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** The time of day with milliseconds. */
export function formatClock(time: number): string {
  return clock.format(time);
}

export function formatDay(time: number): string {
  return day.format(time);
}

/** With the day and the zone. */
export function formatExact(time: number): string {
  return exact.format(time);
}
