/** One record of `ow tail --json`. */
export type TailRecord = Readonly<Record<string, unknown>>;

/** `ow tail <worker> --json`, running. Disposing of it ends it. */
export class Tail implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #records: AsyncGenerator<TailRecord>;

  constructor(child: Bun.Subprocess<"ignore", "pipe", "pipe">) {
    this.#child = child;
    this.#records = records(child.stdout);
  }

  /** The next record that matches; throws when the tail ends before. */
  async find(matches: (record: TailRecord) => boolean): Promise<TailRecord> {
    for (;;) {
      const { value, done } = await this.#records.next();
      if (done) throw new Error("ow tail ended before the expected record");
      if (matches(value)) return value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The whole group, as a terminal's Ctrl-C does: npx does not pass signals on.
    if (this.#child.exitCode === null) process.kill(-this.#child.pid, "SIGINT");
    await this.#child.exited;
  }
}

async function* records(stdout: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<TailRecord> {
  let text = "";
  for await (const chunk of stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
}

/** Resolves when `ow tail` has said on stderr that it is connected. */
export async function startTail(
  command: string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<Tail> {
  const child = Bun.spawn(command, {
    ...options,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  let said = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += chunk;
    if (/following/i.test(said)) return new Tail(child);
  }
  throw new Error(`ow tail ended with ${await child.exited}: ${said}`);
}
