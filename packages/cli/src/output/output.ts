import colors from "picocolors";
import { formatMs } from "./format.ts";
import { Spinner } from "./spinner.ts";

export interface OutputOptions {
  /** One JSON document on stdout and nothing else there; no progress. */
  readonly json: boolean;
}

/**
 * What a command says: its result on stdout, progress and warnings on stderr. A pipe thus gets the result alone.
 */
export class Output {
  readonly json: boolean;

  constructor(options: OutputOptions) {
    this.json = options.json;
  }

  /** The command's result: `value` as one line of JSON, or `human` for people. */
  result(value: unknown, human: string): void {
    if (this.json) this.line(JSON.stringify(value));
    else if (human !== "") this.line(human);
  }

  /** One line on stdout, for commands that go on printing. */
  line(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Something worth knowing on the way; silent with `--json`. */
  note(text: string): void {
    if (!this.json) process.stderr.write(`${text}\n`);
  }

  /** What a program that reads stdout waits for, too: on stderr, with `--json` as well. */
  announce(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** Something to act on. With `--json` it is still said, on stderr. */
  warn(text: string): void {
    process.stderr.write(`${colors.yellow("warning:")} ${text}\n`);
  }

  /**
   * Runs `work` under a label: a spinner on a terminal, with what `work` says of its progress beside it; one line
   * with its duration elsewhere.
   */
  async step<T>(label: string, work: (progress: (text: string) => void) => Promise<T>): Promise<T> {
    const start = performance.now();
    using spinner = this.json || !process.stderr.isTTY ? undefined : new Spinner(label);
    const value = await work((text) => spinner?.progress(text));
    spinner?.clear();
    this.note(`${colors.green("✓")} ${label} ${colors.dim(formatMs(performance.now() - start))}`);
    return value;
  }
}
