import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { preludeFrame } from "../prelude/prelude.ts";

/** Rewrites the positions in a stack trace to those of the sources, and drops the prelude's own frames. */
export type StackMapper = (stack: string) => string;

/** `    at name (index.js:3:17)`, `    at index.js:3:17` and workerd's `  at index.js:3:17 in name`. */
const position = /((?:file:\/\/\/(?:bundle\/)?)?[^\s()]+?):(\d+):(\d+)/;

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
      .map((line) =>
        line.replace(position, (whole, file: string, row: string, column: string) => {
          const map = mapOf(file.replace(/^file:\/\/\/(?:bundle\/)?/, ""));
          if (map === undefined) return whole;
          const found = originalPositionFor(map, { line: Number(row), column: Number(column) - 1 });
          return found.source === null ? whole : `${found.source}:${found.line}:${found.column + 1}`;
        }),
      )
      .join("\n");
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
