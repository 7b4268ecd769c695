import { chownSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import {
  type Account,
  accountFor,
  lockDirectory,
  type ServerExit,
  ServerProcess,
  spawnOptions,
} from "@openworkers/core/host";
import { Client, escapeIdentifier } from "pg";
import { parseAddress, socketUrl } from "../address.ts";
import { clientConfig } from "../driver.ts";
import { findPostgres } from "./binaries.ts";
import { ClusterDirectory, makePrivate } from "./cluster-directory.ts";
import { chooseLauncher, type Launcher } from "./launcher.ts";
import { backendMemoryBytes, withMemoryLimit } from "./memory-limit.ts";
import { clearLeftovers, postmaster } from "./processes.ts";
import { serverArguments } from "./settings.ts";

/** How PostgreSQL ended. */
export type PostgresExit = ServerExit;

export interface EmbeddedPostgresOptions {
  /** Directory of this PostgreSQL alone; created when it is not there. */
  readonly dataDir: string;
  /** Ends the start; what was started is stopped. */
  readonly signal?: AbortSignal;
  /** Each line that PostgreSQL logs. It logs no statement, so no value that a statement held. */
  readonly onLog?: (line: string) => void;
  /** `false` gives up the data when the machine fails, and is faster: for tests alone. */
  readonly durable?: boolean;
}

const databaseName = "openworkers";
const user = "openworkers";
// An account of our own if the operator made one, PostgreSQL's, and the one every system has.
const postgres = { name: "PostgreSQL", accounts: ["openworkers", "postgres", "nobody"] };
// Recovery after a crash replays at most `max_wal_size` of log; a minute is far more than it takes.
const startMs = 60_000;

/**
 * A PostgreSQL of our own: one process on a data directory, reached through a Unix socket alone. Whoever
 * started it disposes of it.
 */
export class EmbeddedPostgres implements AsyncDisposable {
  readonly #directory: ClusterDirectory;
  readonly #lock: Disposable;
  readonly #launcher: Launcher;
  readonly #account: Account | undefined;
  readonly #socket: string;
  readonly #password: string;
  readonly #options: EmbeddedPostgresOptions;
  readonly #exitHandlers = new Set<(exit: PostgresExit) => void>();
  #server: ServerProcess | undefined;
  #turn: Promise<void> = Promise.resolve();

  private constructor(directory: ClusterDirectory, lock: Disposable, options: EmbeddedPostgresOptions) {
    this.#directory = directory;
    this.#lock = lock;
    this.#options = options;
    this.#account = accountFor(directory.dataPath, postgres);
    directory.open(this.#account);
    this.#password = directory.password();
    this.#socket = directory.socketDirectory(this.#account);
    const places = { native: findPostgres(), cluster: directory.path, socket: this.#socket };
    this.#launcher = chooseLauncher(places, this.#account);
  }

  /** See `startEmbeddedPostgres`. */
  static async open(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const directory = new ClusterDirectory(options.dataDir);
    const lock = lockDirectory(directory.path);
    try {
      directory.checkVersions();
      const embedded = new EmbeddedPostgres(directory, lock, options);
      if (!directory.initialized) await embedded.#initialize(options.signal);
      await embedded.start(options.signal);
      await embedded.#createDatabase();
      return embedded;
    } catch (thrown) {
      lock[Symbol.dispose]();
      throw thrown;
    }
  }

  /** URL of the platform's database. Holds the password. */
  get url(): string {
    return this.urlOf(databaseName);
  }

  /** URL of any database of this server. Holds the password. */
  urlOf(database: string): string {
    return socketUrl({
      host: this.#socket,
      port: ClusterDirectory.port,
      database,
      user,
      password: this.#password,
    });
  }

  get socketDirectory(): string {
    return this.#socket;
  }

  /** How PostgreSQL's programs are run here; see `chooseLauncher`. */
  get launchedBy(): Launcher["kind"] {
    return this.#launcher.kind;
  }

  /** The server's process id, or `undefined` when it does not run. */
  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** Calls `handler` whenever the server ends without having been told to by us. `start` starts it again. */
  onExit(handler: (exit: PostgresExit) => void): Disposable {
    this.#exitHandlers.add(handler);
    return { [Symbol.dispose]: () => void this.#exitHandlers.delete(handler) };
  }

  /** Starts the server when it does not run; resolves when it takes sessions. */
  start(signal?: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#start(signal));
  }

  /** Ends all sessions, writes a checkpoint and stops the server. `start` starts it again. */
  stop(): Promise<void> {
    return this.#inTurn(() => this.#stop());
  }

  // An owner may want it stopped while whoever saw it end is starting it again.
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    if (this.#server !== undefined) return;
    signal?.throwIfAborted();
    await clearLeftovers(this.#directory.dataPath, this.#socket);
    const { clusterPath, socketPath } = this.#launcher;
    const command = this.#launcher.command(
      "postgres",
      serverArguments({
        dataPath: join(clusterPath, "data"),
        socketPath,
        port: ClusterDirectory.port,
        durable: this.#options.durable ?? true,
      }),
    );
    const server = new ServerProcess(withMemoryLimit(command, backendMemoryBytes()), {
      onLog: this.#options.onLog,
    });
    this.#server = server;
    try {
      await this.#untilReady(server, signal);
    } catch (thrown) {
      await this.#stop();
      throw thrown;
    }
    void server.exited.then((exit) => {
      if (this.#server !== server) return;
      this.#server = undefined;
      for (const handler of this.#exitHandlers) handler(exit);
    });
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const [signal, patienceMs] of [
      ["SIGINT", 20_000],
      ["SIGQUIT", 5_000],
      ["SIGKILL", 5_000],
    ] as const) {
      server.kill(signal);
      if (await server.endsWithin(patienceMs)) break;
    }
    await clearLeftovers(this.#directory.dataPath, this.#socket);
  }

  /** Stops the server and lets go of the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop();
      this.#directory.removeLinkedSocketDirectory();
    } finally {
      this.#lock[Symbol.dispose]();
    }
  }

  // Made beside its place and then renamed: a start that is killed leaves either no `data` or all of it.
  async #initialize(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const made = join(this.#directory.path, "data.new");
    rmSync(made, { recursive: true, force: true });
    makePrivate(made, this.#account);
    const passwordFile = join(this.#socket, "initdb-password");
    rmSync(passwordFile, { force: true });
    writeFileSync(passwordFile, `${this.#password}\n`, { mode: 0o600, flag: "wx" });
    try {
      if (this.#account !== undefined) chownSync(passwordFile, this.#account.uid, this.#account.gid);
      const { clusterPath, socketPath } = this.#launcher;
      const child = Bun.spawn(
        this.#launcher.command("initdb", [
          `--pgdata=${join(clusterPath, "data.new")}`,
          `--username=${user}`,
          `--pwfile=${join(socketPath, "initdb-password")}`,
          "--auth=scram-sha-256",
          "--encoding=UTF8",
          // Order and case rules of PostgreSQL itself: the same on every machine and after every system upgrade.
          "--locale-provider=builtin",
          "--builtin-locale=C.UTF-8",
          "--locale=C",
          "--no-instructions",
          ...(this.#options.durable === false ? ["--no-sync"] : []),
        ]),
        { ...spawnOptions, stdout: "ignore", ...(signal === undefined ? {} : { signal }) },
      );
      const [code, log] = await Promise.all([child.exited, new Response(child.stderr).text()]);
      signal?.throwIfAborted();
      if (code !== 0) throw failed("PostgreSQL could not make its data directory", log);
    } finally {
      rmSync(passwordFile, { force: true });
    }
    renameSync(made, this.#directory.dataPath);
  }

  async #untilReady(server: ServerProcess, signal: AbortSignal | undefined): Promise<void> {
    const deadline = Date.now() + startMs;
    while (postmaster(this.#directory.dataPath)?.ready !== true) {
      signal?.throwIfAborted();
      if (await server.endsWithin(5)) throw failed("PostgreSQL did not start", (await server.exited).log);
      if (Date.now() > deadline) throw failed("PostgreSQL was not ready within a minute", server.log);
    }
  }

  async #createDatabase(): Promise<void> {
    const client = new Client(clientConfig(parseAddress(this.urlOf("postgres"))));
    // What breaks the connection also rejects the query that waits for it.
    client.on("error", () => {});
    try {
      await client.connect();
      const found = await client.query("select from pg_database where datname = $1", [databaseName]);
      if (found.rowCount === 0) await client.query(`create database ${escapeIdentifier(databaseName)}`);
    } catch (thrown) {
      await this.stop();
      throw failed("PostgreSQL started but does not let us in", messageOf(thrown), thrown);
    } finally {
      await client.end();
    }
  }
}

/**
 * Starts the PostgreSQL of `dataDir`, making its data directory first when it is new. It listens on a Unix
 * socket in a private directory and nowhere else, runs as an unprivileged user when we are root, and on Linux
 * stops when this process dies. A server left over from a killed owner is stopped first.
 *
 * @throws OpenWorkersError DATA_DIR_IN_USE, DATA_DIR_NEWER, CONFIG_INVALID (what is missing, and what to do),
 * DATABASE_UNAVAILABLE (it does not start; the message ends in what it logged).
 */
export function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  return EmbeddedPostgres.open(options);
}

function failed(what: string, log: string, cause?: unknown): OpenWorkersError {
  const end = log.trim().split("\n").slice(-5).join("\n");
  return new OpenWorkersError("DATABASE_UNAVAILABLE", `${what}: ${end || "it said nothing"}`, {
    cause,
    hint: "If the disk is full, make room; else set DATABASE_URL to a PostgreSQL of your own.",
  });
}
