import { isId, type LogLevel, logLevels } from "@openworkers/core";
import { z } from "zod";
import type { CellLine } from "../cell.ts";

const consoleLine = z.object({
  timestamp: z.coerce.number(),
  level: z.enum(logLevels),
  message: z.string(),
});
/** workerd's own lines have a source; a worker cannot write one, since its text is a string within `message`. */
const runtimeLine = z.object({
  timestamp: z.coerce.number(),
  level: z.string(),
  source: z.string(),
  message: z.string(),
});
const exceptionText = z.object({
  id: z.string().optional(),
  name: z.string(),
  message: z.string(),
  stack: z.string(),
});
const exportsText = z.object({ handlers: z.array(z.string()), entrypoints: z.array(z.string()) });

/** What a worker's main module exports, by name. */
export type WorkerExports = z.infer<typeof exportsText>;

export type ParsedLine =
  | { readonly kind: "line"; readonly line: CellLine }
  | { readonly kind: "exports"; readonly exports: WorkerExports }
  /** workerd speaks of itself: for the operator, when at all. */
  | { readonly kind: "runtime"; readonly level: string; readonly message: string };

/** How long a line may have lain in the pipe: a machine that sleeps, a runner that is stopped in a debugger. */
const maxDelayMs = 3_600_000;

// Marks that the prelude puts at the start of a message.
const lineMark = "\x1e";
const exceptionMark = "\x1d";

/** What one line of a cell's standard output says. A line that workerd did not write so is the worker's text. */
export function parseLine(text: string): ParsedLine {
  const json = parseJson(text);
  // Asked first: a schema that refuses builds an error, which costs more than all the rest of a line.
  if (typeof json === "object" && json !== null && "source" in json) {
    const runtime = runtimeLine.safeParse(json);
    if (runtime.success) return { kind: "runtime", level: runtime.data.level, message: runtime.data.message };
  }
  const parsed = consoleLine.safeParse(json);
  // Node's process.stdout, and lines that were cut.
  if (!parsed.success) return { kind: "line", line: { time: Date.now(), level: "log", message: text } };
  const { level, message } = parsed.data;
  const time = believable(parsed.data.timestamp, Date.now());
  if (message.startsWith(exceptionMark + exceptionMark)) {
    const exports = exportsText.safeParse(parseJson(message.slice(2)));
    if (exports.success) return { kind: "exports", exports: exports.data };
  }
  if (message.startsWith(exceptionMark)) {
    const exception = exceptionText.safeParse(parseJson(message.slice(1)));
    if (exception.success) return { kind: "line", line: exceptionLine(time, exception.data) };
  }
  return { kind: "line", line: attributed(time, level, message) };
}

/**
 * The time that a cell gives a line, unless it cannot be so: a module's top level has no clock (workerd says 0), and
 * a cell that was taken over may say what no Date can hold, or file its lines under any day it likes.
 */
function believable(time: number, now: number): number {
  return time <= now && time > now - maxDelayMs ? time : now;
}

function attributed(time: number, level: LogLevel, message: string): CellLine {
  const end = message.startsWith(lineMark) ? message.indexOf(lineMark, 1) : -1;
  if (end < 0) return { time, level, message };
  const rest = message.slice(end + 1);
  // The mark stood alone before values that are not strings, with the space that console.log puts between.
  const shown = rest.startsWith(exceptionMark) ? rest.slice(1).replace(/^ /, "") : rest;
  return { time, level, message: shown, ...requestId(message.slice(1, end)) };
}

function exceptionLine(time: number, { id, name, message, stack }: z.infer<typeof exceptionText>): CellLine {
  const first = stack.split("\n", 1)[0] || `${name}: ${message}`;
  return { time, level: "error", message: first, exception: { name, message, stack }, ...requestId(id) };
}

function requestId(id: string | undefined): Pick<CellLine, "requestId"> {
  return isId<"request">(id) ? { requestId: id } : {};
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller's schema refuses it
  }
}
