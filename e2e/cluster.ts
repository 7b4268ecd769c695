import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestCluster, type TestNats } from "@openworkers/bus/testing";
import { generateSealingKey } from "@openworkers/core";
import { connect, type Database, type EmbeddedPostgres, startEmbeddedPostgres } from "@openworkers/db";

const root = join(import.meta.dir, "..");
const ow = join(root, "node_modules/.bin/ow");

/** What deploy/compose.yml and deploy/kubernetes give to nats-server. */
const permissions = join(root, "deploy/nats/permissions.conf");
const passwords = { runner: "p-runner", scheduler: "p-scheduler", logs: "p-logs" } as const;

type ServiceName = keyof typeof passwords;

/** `ow runner`, `ow scheduler` or `ow logs`, which a test may kill and start again. */
export class Service implements AsyncDisposable {
  readonly #command: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #child: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined;
  #said = "";
  /** The line that it printed when it was ready. */
  ready: Readonly<Record<string, unknown>> = {};

  constructor(command: readonly string[], env: Readonly<Record<string, string>>) {
    this.#command = command;
    this.#env = env;
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    const child = Bun.spawn([ow, ...this.#command, "--json"], {
      cwd: root,
      env: this.#env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#child = child;
    void this.#read(child.stderr);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    void this.#read(child.stdout, resolve);
    void child.exited.then((code) =>
      reject(new Error(`ow ${this.#command[0]} ended with ${code}: ${this.#said}`)),
    );
    this.ready = JSON.parse(await promise) as Record<string, unknown>;
    if (this.ready.ready !== true) throw new Error(`ow ${this.#command[0]} does not start: ${this.#said}`);
  }

  /** What it printed, on stdout and stderr. */
  get said(): string {
    return this.#said;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<number> {
    this.#child?.kill(signal);
    return (await this.#child?.exited) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #read(stream: ReadableStream<Uint8Array>, onLine?: (line: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of stream) {
      const chunk = decoder.decode(bytes, { stream: true });
      this.#said += chunk;
      text += chunk;
      const end = text.indexOf("\n");
      if (end >= 0) onLine?.(text.slice(0, end));
    }
  }
}

/**
 * The platform as a cluster: a PostgreSQL, three nodes of NATS where each service has its own user, and two each of runner,
 * scheduler and logs service, every one a process.
 */
export class Cluster implements AsyncDisposable {
  readonly postgres: EmbeddedPostgres;
  readonly database: Database;
  readonly nats: TestNats;
  readonly directory: string;
  readonly runners: readonly Service[];
  readonly schedulers: readonly Service[];
  readonly logs: readonly Service[];
  readonly #parts: AsyncDisposableStack;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(
    parts: AsyncDisposableStack,
    made: Pick<Cluster, "postgres" | "database" | "nats" | "directory">,
    env: Readonly<Record<string, string>>,
  ) {
    this.#parts = parts;
    this.#env = env;
    this.postgres = made.postgres;
    this.database = made.database;
    this.nats = made.nats;
    this.directory = made.directory;
    const two = (name: ServiceName, ...args: string[]) =>
      [1, 2].map((n) => parts.use(this.#service(name, n, args)));
    this.logs = two("logs", "--logs-port", "0");
    this.schedulers = two("scheduler");
    this.runners = two("runner", "--port", "0");
  }

  static async start(): Promise<Cluster> {
    await using parts = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "ow-cluster-"));
    parts.defer(() => rm(directory, { recursive: true, force: true }));
    const postgres = parts.use(await startEmbeddedPostgres({ dataDir: join(directory, "postgres") }));
    const database = parts.use(connect(postgres.url, { max: 2 }));
    const nats = parts.use(
      await startTestCluster(3, await Bun.file(permissions).text(), {
        NATS_RUNNER_PASSWORD: passwords.runner,
        NATS_SCHEDULER_PASSWORD: passwords.scheduler,
        NATS_LOGS_PASSWORD: passwords.logs,
      }),
    );
    const cluster = new Cluster(
      parts.move(),
      { postgres, database, nats, directory },
      {
        PATH: process.env.PATH ?? "",
        HOME: directory,
        OW_HOME: join(directory, "home"),
        DATABASE_URL: postgres.url,
        OW_SECRET_KEY: await generateSealingKey(),
        NATS_URL: nats.servers.join(),
        OW_BUS_REPLICAS: "3",
        OW_METRICS_PORT: "0",
      },
    );
    try {
      await cluster.ow("migrate");
      await Promise.all([...cluster.logs, ...cluster.schedulers].map((service) => service.start()));
      await Promise.all(cluster.runners.map((service) => service.start()));
      return cluster;
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Runs a command of the CLI with `--json`; resolves to what it printed. @throws Error when it fails */
  async ow(...args: string[]): Promise<unknown> {
    const url = this.logs[0]?.ready.logs;
    const child = Bun.spawn([ow, ...args, "--json"], {
      cwd: root,
      env: { ...this.#env, ...(typeof url === "string" ? { OW_LOGS_URL: url } : {}) },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code !== 0) throw new Error(`ow ${args.join(" ")}: ${stderr}${stdout}`);
    const lines = stdout.trim().split("\n");
    return lines.length > 1
      ? lines.map((line) => JSON.parse(line) as unknown)
      : JSON.parse(lines[0] || "null");
  }

  /** A request to a worker by way of one of the runners. */
  async fetch(runner: Service, worker: string, path: string, init: RequestInit = {}): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${runner.ready.port}${path}`, {
      ...init,
      headers: { ...(init.headers as object), host: `${worker}.localhost` },
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  #service(name: ServiceName, number: number, args: readonly string[]): Service {
    return new Service([name, ...args, "--data", join(this.directory, `${name}-${number}`)], {
      ...this.#env,
      NATS_USER: name,
      NATS_PASSWORD: passwords[name],
    });
  }
}
