import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, listens } from "../server/port.ts";

const program = "nats-server";

/** A nats-server of a test: on 127.0.0.1, with a directory of its own, and gone when this process is. */
export class NatsProcess implements AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly #env: Record<string, string>;
  #child: Bun.Subprocess | undefined;

  /**
   * `config` gets the port and the directory and returns what stands in the configuration file; `env` is what that refers to.
   */
  constructor(
    config: (port: number, directory: string) => string,
    options: { readonly port?: number; readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    this.directory = mkdtempSync(join(tmpdir(), "ow-test-nats-"));
    this.port = options.port ?? freePort();
    this.#env = { PATH: process.env.PATH ?? "", ...options.env };
    writeFileSync(join(this.directory, "nats.conf"), config(this.port, this.directory), { mode: 0o600 });
  }

  get server(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it; resolves when it listens. JetStream may need a moment more. */
  async start(): Promise<void> {
    const command = [
      program,
      "--config",
      join(this.directory, "nats.conf"),
      "--log",
      join(this.directory, "log"),
    ];
    const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...command], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(this.directory, "stderr")),
      env: this.#env,
    });
    this.#child = child;
    while (!(await listens(this.port))) {
      if (child.exitCode !== null) throw new Error(`nats-server ended: ${await this.log()}`);
      await Bun.sleep(10);
    }
  }

  /** What it wrote, before and after it had read its configuration. */
  async log(): Promise<string> {
    const files = ["stderr", "log"].map((name) => Bun.file(join(this.directory, name)));
    return (await Promise.all(files.map(async (file) => ((await file.exists()) ? file.text() : "")))).join(
      "",
    );
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill(signal);
    await child?.exited;
  }

  /** Kills it and starts it again on the same port and directory. */
  async restart(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
