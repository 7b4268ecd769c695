import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { familyOf, type ProcessRef, stillRunning } from "./processes.ts";
import { startTail, type Tail } from "./tail.ts";

const root = join(import.meta.dir, "..");

export interface PlatformOptions {
  /** With the API, which takes some seconds to build and deploy; without unless this is true. */
  readonly api?: boolean;
  /** With the API and the dashboard. */
  readonly dashboard?: boolean;
  /** More arguments for `npm start --`. */
  readonly args?: readonly string[];
  /** More environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Starts on the data of an earlier platform, which must have been stopped with `keep`. */
  readonly directory?: string;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The whole platform, started as a user starts it: `npm start` in a process group of its own, on a free port, with its own
 * data directory and `OW_HOME`. Disposing of it stops it, checks that no process is left, and removes its data.
 *
 * @example
 * await using platform = await startPlatform();
 * await platform.deploy("examples/hono");
 * const response = await platform.fetch("hono", "/");
 */
export class Platform implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  /** The line that `--json` prints when the platform is ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #env: Record<string, string>;
  readonly #output: () => string;
  #stopped: Promise<number> | undefined;

  constructor(
    directory: string,
    ready: Record<string, unknown>,
    child: Bun.Subprocess<"ignore", "pipe", "pipe">,
    env: Record<string, string>,
    output: () => string,
  ) {
    this.directory = directory;
    this.ready = ready;
    this.port = Number(ready.port);
    this.#child = child;
    this.#env = env;
    this.#output = output;
  }

  /** The pid of `npm start`, which leads the platform's process group. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Everything it has printed so far, on stdout and stderr. */
  get output(): string {
    return this.#output();
  }

  host(worker: string): string {
    return `${worker}.localhost:${this.port}`;
  }

  /** A request to a worker. `worker` may be a whole preview label, such as `3--hello`. Redirects are not followed. */
  fetch(worker: string, path: string, init: BunFetchRequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    // Not every resolver knows *.localhost; the Host header is what routes.
    headers.set("host", this.host(worker));
    return fetch(`http://127.0.0.1:${this.port}${path}`, { redirect: "manual", ...init, headers });
  }

  webSocket(worker: string, path: string): WebSocket {
    return new WebSocket(`ws://127.0.0.1:${this.port}${path}`, { headers: { host: this.host(worker) } });
  }

  /** Runs the CLI against this platform. */
  ow(...args: string[]): Promise<CommandResult> {
    return this.owWithInput("", ...args);
  }

  /** The same with something on standard input. */
  owWithInput(input: string, ...args: string[]): Promise<CommandResult> {
    return run(["npx", "--no-install", "ow", ...args], this.#env, input);
  }

  /** Starts the CLI in a process group of its own, for a test that does not let it finish. */
  startOw(...args: string[]): Bun.Subprocess<"ignore", "ignore", "pipe"> {
    return Bun.spawn(["npx", "--no-install", "ow", ...args], {
      cwd: root,
      env: this.#env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      detached: true,
    });
  }

  /** Follows a worker's live log; whoever asked for it disposes of it. */
  tail(worker: string, ...options: string[]): Promise<Tail> {
    return startTail(["npx", "--no-install", "ow", "tail", worker, "--json", ...options], {
      cwd: root,
      env: this.#env,
    });
  }

  /** Deploys a folder or file; the answer of `ow deploy --json`. Throws with the CLI's own words when it fails. */
  async deploy(
    path: string,
    ...options: string[]
  ): Promise<{ worker: string; version: number; url: string }> {
    const result = await this.ow("deploy", path, "--json", ...options);
    if (result.code !== 0) {
      throw new Error(`ow deploy ${path} ended with ${result.code}: ${result.stdout}${result.stderr}`);
    }
    return JSON.parse(result.stdout);
  }

  /** Every process of the platform that is alive, `npm` itself included. */
  processes(): Promise<ProcessRef[]> {
    return familyOf(this.pid);
  }

  /** Signals the whole process group, as a terminal's Ctrl-C does. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /**
   * Stops the platform with Ctrl-C and waits until every process of it is gone.
   *
   * @returns its exit code. Call it again for the same answer.
   */
  stop(): Promise<number> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Ends the platform's own process as `kill -9` does, and waits until every process of it is gone. */
  async kill(): Promise<void> {
    const pid = Number(this.ready.pid);
    // It starts processes all the time: what it has started is only known while it stands still.
    process.kill(pid, "SIGSTOP");
    const family = await this.processes();
    process.kill(pid, "SIGKILL");
    this.#stopped = this.#child.exited;
    await this.#child.exited;
    await gone(family, this.directory);
  }

  async #stop(): Promise<number> {
    const family = await this.processes();
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.signal("SIGINT");
    const code = await this.#child.exited;
    await gone(family, this.directory);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The kernel takes down a cell's namespace after its parent: ends when the last process has, or with the test. */
async function gone(family: readonly ProcessRef[], directory: string): Promise<void> {
  while ((await stillRunning(family, directory)).length > 0) await Bun.sleep(20);
}

/** Starts a platform and waits until it says that it is ready. Throws with its output when it ends instead. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "ow-e2e-")));
  const env = environment(directory, options.env);
  const child = Bun.spawn(
    [
      "npm",
      "start",
      "--",
      "--port",
      "0",
      "--data",
      join(directory, "data"),
      "--json",
      ...(options.dashboard === true ? [] : [options.api === true ? "--no-dashboard" : "--no-api"]),
      ...(options.args ?? []),
    ],
    { cwd: root, env, stdin: "ignore", stdout: "pipe", stderr: "pipe", detached: true },
  );
  let output = "";
  const errors = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) output += chunk;
  })();
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    (async () => {
      let line = "";
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
        output += chunk;
        line += chunk;
        const lines = line.split("\n");
        line = lines.pop() ?? "";
        for (const text of lines) if (text.startsWith('{"ready":true')) resolve(JSON.parse(text));
      }
      await errors;
      reject(new Error(`npm start ended with ${await child.exited} before it was ready:\n${output}`));
    })().catch(reject);
  });
  return new Platform(directory, ready, child, env, () => output);
}

/** The surroundings of a platform and its CLI: nothing of the developer's own configuration reaches them. */
function environment(directory: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(OW_|npm_|DATABASE_URL$|NATS_)/i.test(name)) env[name] = value;
  }
  return { ...env, NO_COLOR: "1", OW_HOME: join(directory, "home"), ...more };
}

async function run(command: string[], env: Record<string, string>, input: string): Promise<CommandResult> {
  const stdin = new TextEncoder().encode(input);
  const child = Bun.spawn(command, { cwd: root, env, stdin, stdout: "pipe", stderr: "pipe" });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, stdout, stderr };
}
