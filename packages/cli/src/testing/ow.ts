import { join } from "node:path";
import { z } from "zod";
import type { Profile } from "../profile/profile.ts";
import { emptyFolder, type TestFolder } from "./files.ts";

/** The command, as it is installed. */
export const program = join(import.meta.dir, "../../bin/ow");

export interface OwResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface OwOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

/** A place for platforms and the CLI's own files; nothing of the developer's configuration reaches what runs in it. */
export class OwHome implements AsyncDisposable {
  readonly folder: TestFolder = emptyFolder();
  readonly #running = new Set<RunningOw>();

  /** Runs a command to its end. */
  async ow(args: readonly string[], options: OwOptions = {}): Promise<OwResult> {
    const child = Bun.spawn([program, ...args], {
      cwd: options.cwd ?? this.folder.path,
      env: this.environment(options.env),
      stdin: new Blob([options.stdin ?? ""]),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [code, stdout, stderr] = await Promise.all([
      child.exited,
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { code, stdout, stderr };
  }

  /** Runs a command with `--json` that succeeds, and returns what it printed. */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.ow([...args, "--json"]);
    if (code !== 0) throw new Error(`ow ${args.join(" ")} ended with ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** Starts a command that goes on until it is told to end; disposing of the home kills what is left. */
  start(args: readonly string[], options: OwOptions = {}): RunningOw {
    const running = new RunningOw(
      [program, ...args],
      this.environment(options.env),
      options.cwd ?? this.folder.path,
    );
    this.#running.add(running);
    return running;
  }

  /** Starts a platform and waits until it is ready. */
  async up(...args: string[]): Promise<RunningOw & { readonly ready: Ready }> {
    const running = this.start(["up", "--port", "0", "--json", ...args]);
    const line = await running.line((text) => text.startsWith("{"));
    return Object.assign(running, { ready: JSON.parse(line) as Ready });
  }

  /** What the one platform that runs has written down for commands. */
  async profile(): Promise<Profile> {
    const folder = join(this.folder.path, "home/profiles");
    const [name] = await Array.fromAsync(new Bun.Glob("*.json").scan(folder));
    return await Bun.file(join(folder, name ?? "")).json();
  }

  /** Resolves when so many follow the logs of the one platform that runs. */
  async readers(count: number): Promise<void> {
    const { logsSocket } = await this.profile();
    for (let readers = -1; readers < count; ) {
      const status = await fetch("http://openworkers/status", { unix: logsSocket });
      readers = z.object({ readers: z.int() }).parse(await status.json()).readers;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) await running.kill();
    await this.folder[Symbol.asyncDispose]();
  }

  /** The environment that commands run in: this home, and nothing of the developer's configuration. */
  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const env: Record<string, string> = {};
    for (const [name, value] of Object.entries(process.env)) {
      if (value !== undefined && !/^(OW_|DATABASE_URL$|FORCE_COLOR$)/.test(name)) env[name] = value;
    }
    return { ...env, NO_COLOR: "1", OW_HOME: join(this.folder.path, "home"), ...more };
  }
}

/** The line that `ow up --json` prints. */
export interface Ready {
  readonly ready: true;
  readonly port: number;
  readonly dataDir: string;
  readonly sandbox: string;
  readonly metrics: string | null;
  readonly api: { readonly url: string; readonly setupUrl: string | null } | null;
  readonly pid: number;
}

/** A command under way, its output read line by line. */
export class RunningOw {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #lines: string[] = [];
  #read = 0;
  #grown = Promise.withResolvers<void>();
  #open = 2;

  constructor(command: string[], env: Record<string, string>, cwd: string) {
    // A process group of its own, as a terminal gives a command.
    this.#child = Bun.spawn(command, {
      env,
      cwd,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
    void this.#collect(this.#child.stdout);
    void this.#collect(this.#child.stderr);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** All it has printed, on either stream. */
  get output(): string {
    return this.#lines.join("\n");
  }

  /** The next line that fits, waiting for it. Throws with all output when the command ends without one. */
  async line(fits: (text: string) => boolean): Promise<string> {
    for (;;) {
      while (this.#read < this.#lines.length) {
        const line = this.#lines[this.#read++];
        if (line !== undefined && fits(line)) return line;
      }
      if (this.#open === 0)
        throw new Error(`ended with ${await this.exited} and without that line:\n${this.output}`);
      await this.#grown.promise;
    }
  }

  /** Waits until each of these has had a line of its own to fit, in whatever order they come. */
  async lines(...patterns: RegExp[]): Promise<void> {
    const missing = new Set(patterns);
    while (missing.size > 0) {
      await this.line((text) => {
        const found = missing.values().find((pattern) => pattern.test(text));
        return found !== undefined && missing.delete(found);
      });
    }
  }

  /** Sends a signal and returns the exit code. */
  async end(signal: NodeJS.Signals): Promise<number> {
    this.#child.kill(signal);
    return await this.#child.exited;
  }

  /** Sends a signal to all of its process group, as a terminal does with Ctrl-C, and returns the exit code. */
  async endGroup(signal: NodeJS.Signals): Promise<number> {
    process.kill(-this.pid, signal);
    return await this.#child.exited;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.end("SIGKILL");
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#notify();
    }
    if (rest !== "") this.#lines.push(rest);
    this.#open -= 1;
    this.#notify();
  }

  #notify(): void {
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
  }
}
