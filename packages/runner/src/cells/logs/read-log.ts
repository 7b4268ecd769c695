import type { CellLine } from "../cell.ts";
import { LineBudget } from "./line-budget.ts";
import { eachLine } from "./lines.ts";
import { parseLine, type WorkerExports } from "./parse-line.ts";
import type { StackMapper } from "./source-map.ts";

/** Longest message, in bytes of workerd's JSON. */
export const maxLineBytes = 16 * 1_024;

/** Our own line, as JSON writes its marks: a worker that floods its log at start does not drown it. */
const exportsMark = '"message":"\\u001d\\u001d';
/** A worker can write that mark too. Few lines with it pass beside the budget, so that it is no way around it. */
const maxMarkedLines = 8;

/** While a flood lasts, the log says so often what was dropped of it. */
const droppedMs = 1_000;

export interface LogReaderOptions {
  readonly onLine: (line: CellLine) => void;
  readonly mapStack: StackMapper;
  /** workerd's own lines, such as V8's last words. */
  readonly onRuntime?: (level: string, message: string) => void;
  readonly onExports?: (exports: WorkerExports) => void;
  readonly budget?: LineBudget;
}

/**
 * Reads a cell's standard output to its end, always as fast as it comes: a flood is dropped and counted, and
 * neither blocks the cell nor grows memory.
 */
export async function readLog(stdout: ReadableStream<Uint8Array>, options: LogReaderOptions): Promise<void> {
  const budget = options.budget ?? new LineBudget();
  let reporting: ReturnType<typeof setTimeout> | undefined;
  const reportDropped = () => {
    clearTimeout(reporting);
    reporting = undefined;
    const dropped = budget.takeDropped();
    if (dropped === 0) return;
    const count = dropped.toLocaleString("en");
    options.onLine({ time: Date.now(), level: "warn", message: `… ${count} lines dropped` });
  };
  let marked = options.onExports === undefined ? maxMarkedLines : 0;
  await eachLine(stdout, maxLineBytes, ({ bytes, cut }) => {
    if (marked < maxMarkedLines && bytes.includes(exportsMark)) marked += 1;
    else {
      if (!budget.take()) {
        reporting ??= setTimeout(reportDropped, droppedMs);
        return undefined;
      }
    }
    const text = bytes.toString("utf8");
    const parsed = parseLine(cut ? endCutLine(text) : text);
    if (parsed.kind === "runtime") options.onRuntime?.(parsed.level, parsed.message);
    else if (parsed.kind === "exports") options.onExports?.(parsed.exports);
    else options.onLine(mapped(parsed.line, options.mapStack));
    return undefined;
  });
  reportDropped();
}

// Of a character that was cut three bytes are there at most; a longer run is the worker's, and would be costly to look for.
/** Makes a cut line whole again, so that its level and request are known: the message was its last field. */
function endCutLine(text: string): string {
  const whole = text.replace(/\\?(?:\\u[0-9a-fA-F]{0,3})?$/, "").replace(/\ufffd{1,3}$/, "");
  return `${whole} … (cut)"}`;
}

function mapped(line: CellLine, mapStack: StackMapper): CellLine {
  if (line.exception === undefined) {
    return line.message.includes("\n    at ") ? { ...line, message: mapStack(line.message) } : line;
  }
  return { ...line, exception: { ...line.exception, stack: mapStack(line.exception.stack) } };
}
