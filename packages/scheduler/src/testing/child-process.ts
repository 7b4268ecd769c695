import { join } from "node:path";

export interface Run {
  readonly eventId: string;
  readonly attempt: number;
}

/** A scheduler or a runner in a process of its own. */
export class ChildProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  readonly #ready = Promise.withResolvers<void>();
  readonly #read: Promise<void>;

  /** @param runs where a runner's runs are added */
  constructor(role: "scheduler" | "runner", databaseUrl: string, nats: string, runs: Run[] = []) {
    const program = join(import.meta.dir, "child.ts");
    this.#child = Bun.spawn([process.execPath, program, role, databaseUrl, nats], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#read = this.#collect(runs);
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** SIGKILL; resolves when it is gone and all that it printed is read. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await this.#read;
  }

  async #collect(runs: Run[]): Promise<void> {
    let text = "";
    for await (const bytes of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + bytes).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "ready") this.#ready.resolve();
        else runs.push(JSON.parse(line));
      }
    }
    // A line that was cut is of a run that had begun.
    if (text.startsWith("{")) throw new Error(`cut: ${text}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
