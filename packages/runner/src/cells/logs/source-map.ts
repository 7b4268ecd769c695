import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { preludeFrame } from "../prelude/prelude.ts";

/** Rewrites the positions in a stack trace to those of the sources, and drops the prelude's own frames. */
export type StackMapper = (stack: string) => string;

const position = /:(\d+):(\d+)/;

interface Position {
  /** Where it is in the line. */
  readonly from: number;
  readonly to: number;
  readonly file: string;
  readonly row: string;
  readonly column: string;
}

/**
 * The position in a line of a stack: `    at name (index.js:3:17)`, `    at index.js:3:17` and workerd's
 * `  at index.js:3:17 in name`. A worker writes what it likes here, so the file is found backwards from the numbers:
 * one pattern for all of it takes a time quadratic in the line.
 */
function findPosition(line: string): Position | undefined {
  const found = position.exec(line);
  if (found === null) return undefined;
  const [whole, row = "", column = ""] = found;
  let from = found.index;
  while (from > 0 && !/[\s()]/.test(line.charAt(from - 1))) from--;
  return { from, to: found.index + whole.length, file: line.slice(from, found.index), row, column };
}

/** Maps are parsed when the first trace asks for them: most workers never throw. */
export function stackMapper(sourceMaps: ReadonlyMap<string, Uint8Array>): StackMapper {
  const parsed = new Map<string, TraceMap | undefined>();
  const mapOf = (module: string): TraceMap | undefined => {
    if (!parsed.has(module)) parsed.set(module, parse(sourceMaps.get(module)));
    return parsed.get(module);
  };
  return (stack) =>
    stack
      .split("\n")
      .filter((line) => !preludeFrame.test(line))
      .map((line) => {
        const at = findPosition(line);
        const map = at === undefined ? undefined : mapOf(at.file.replace(/^file:\/\/\/(?:bundle\/)?/, ""));
        if (at === undefined || map === undefined) return line;
        const source = sourceOf(map, at);
        return source === undefined ? line : `${line.slice(0, at.from)}${source}${line.slice(at.to)}`;
      })
      .join("\n");
}

/** Where a position is in the sources, if anywhere. Never throws: it would end the reading of the cell's log. */
function sourceOf(map: TraceMap, { row, column }: Position): string | undefined {
  try {
    const found = originalPositionFor(map, { line: Number(row), column: Number(column) - 1 });
    return found.source === null ? undefined : `${found.source}:${found.line}:${found.column + 1}`;
  } catch {
    // A worker wrote the position, and its map is read only now: either may be none.
    return undefined;
  }
}

function parse(bytes: Uint8Array | undefined): TraceMap | undefined {
  if (bytes === undefined) return undefined;
  try {
    return new TraceMap(new TextDecoder().decode(bytes));
  } catch {
    // A broken map came with the worker; its traces stay as they are.
    return undefined;
  }
}
