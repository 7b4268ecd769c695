import type { CellLine } from "../cell.ts";
import { LineBudget } from "./line-budget.ts";
import { eachLine, type Line } from "./lines.ts";
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

/**
 * While a flood lasts, the pipe is emptied so often and not at every line: what it holds is read at once, and a cell that
 * fills it waits. At 64 KB each that is 6 MB/s; reading line by line cost the runner 7 µs for each line it dropped.
 */
const floodPauseMs = 10;

export interface LogReaderOptions {
  readonly onLine: (line: CellLine) => void;
  readonly mapStack: StackMapper;
  /** workerd's own lines, such as V8's last words. */
  readonly onRuntime?: (level: string, message: string) => void;
  readonly onExports?: (exports: WorkerExports) => void;
  readonly budget?: LineBudget;
  /** Waits while a flood lasts. Default: 10 ms. */
  readonly pause?: () => Promise<void>;
}

/**
 * Reads a cell's standard output to its end. A flood is dropped and counted, and read in gulps: it does not grow memory,
 * costs the runner little, and slows the cell that writes it down.
 */
export async function readLog(stdout: ReadableStream<Uint8Array>, options: LogReaderOptions): Promise<void> {
  const { budget = new LineBudget(), pause = () => Bun.sleep(floodPauseMs) } = options;
  let flooded = false;
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
  const onLine = ({ bytes, cut }: Line) => {
    if (marked < maxMarkedLines && bytes.includes(exportsMark)) marked += 1;
    else if (!budget.take()) {
      flooded = true;
      reporting ??= setTimeout(reportDropped, droppedMs);
      return undefined;
    }
    const text = bytes.toString("utf8");
    const parsed = parseLine(cut ? endCutLine(text) : text);
    if (parsed.kind === "runtime") options.onRuntime?.(parsed.level, parsed.message);
    else if (parsed.kind === "exports") options.onExports?.(parsed.exports);
    else options.onLine(mapped(parsed.line, options.mapStack));
    return undefined;
  };
  const rest = () => {
    if (!flooded) return undefined;
    flooded = false;
    return pause();
  };
  await eachLine(stdout, maxLineBytes, onLine, rest);
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
