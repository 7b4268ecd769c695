/** Something that is wrong with a module, at its place. */
export interface Problem {
  readonly file: string;
  /** Counted from 1, as columns are. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly severity: "error" | "warning";
  /** Who says so: `ts` and a number, `import`, `start`. */
  readonly source: string;
}

/** The modules of a worker cannot be deployed as they are. */
export class CompileFailed extends Error {
  override readonly name = "CompileFailed";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const [first] = problems;
    super(
      problems.length === 1 && first !== undefined
        ? `${first.file}:${first.line}: ${first.message}`
        : `There are ${problems.length} errors.`,
    );
    this.problems = problems;
  }
}

/** Line and column, both from 1, of an offset. */
export function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}

/**
 * Where a stack says that a worker failed, as far as that is in one of its modules: the first of its lines
 * `    at name (lib/text.ts:3:17)`.
 */
export function problemOfStack(stack: string, files: readonly string[]): Problem | undefined {
  const message = (stack.split("\n")[0] ?? "").replace(/^Uncaught /, "");
  for (const [, file = "", line = "1", column = "1"] of stack.matchAll(/([^\s()]+):(\d+):(\d+)/g)) {
    const name = file.replace(/^file:\/\/\/(?:bundle\/)?/, "");
    if (files.includes(name)) {
      return {
        file: name,
        line: Number(line),
        column: Number(column),
        message,
        severity: "error",
        source: "start",
      };
    }
  }
  return undefined;
}
