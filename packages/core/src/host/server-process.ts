import type { Subprocess } from "bun";
import { within } from "../within.ts";

export interface ServerExit {
  /** Its exit code, or 128 and the signal's number. */
  readonly code: number;
  /** The last it wrote, at most 8 KiB. */
  readonly log: string;
}

const logTail = 8 * 1024;

// A session of its own, so that Ctrl-C in our terminal reaches us alone and we stop it when its users are done.
export const spawnOptions = {
  cwd: "/",
  detached: true,
  stdin: "ignore",
  stderr: "pipe",
  env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
} as const;

/** The process of a server of ours, and the end of its log. */
export class ServerProcess {
  readonly exited: Promise<ServerExit>;
  readonly #child: Subprocess<"ignore", "ignore", "pipe">;
  #log = "";

  constructor(
    command: string[],
    options: { readonly onLog?: ((line: string) => void) | undefined; readonly cwd?: string } = {},
  ) {
    this.#child = Bun.spawn(command, {
      ...spawnOptions,
      stdout: "ignore",
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const reading = this.#read(options.onLog);
    this.exited = this.#child.exited.then(async (code) => {
      // A child of the server that outlives it would hold the pipe open.
      await within(reading, 1_000);
      return { code, log: this.#log };
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get log(): string {
    return this.#log;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Whether it has ended, at the latest after `ms`. */
  async endsWithin(ms: number): Promise<boolean> {
    return (await within(this.#child.exited, ms)) !== undefined;
  }

  async #read(onLog: ((line: string) => void) | undefined): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#log = (this.#log + text).slice(-logTail);
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLog?.(line);
    }
  }
}
