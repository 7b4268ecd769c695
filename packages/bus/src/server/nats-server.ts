import {
  chmodSync,
  chownSync,
  closeSync,
  fchownSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { messageOf, OpenWorkersError, type Report } from "@openworkers/core";
import {
  type Account,
  accountFor,
  lockDirectory,
  processesIn,
  ServerProcess,
  signalProcess,
} from "@openworkers/core/host";
import type { NatsOptions } from "../nats/connect.ts";
import { chooseLaunch, type Launch } from "./launch.ts";
import { freePort, listens } from "./port.ts";

const startMs = 30_000;
const longestPauseMs = 5_000;

export interface NatsServerOptions {
  /** The platform's data directory; the server's is `nats` in it. */
  readonly dataDir: string;
  /** Bytes that all streams together may keep. Each stream's own limit is set aside from it when it is declared. */
  readonly maxBytes?: number;
  readonly report: Report;
  readonly onLog?: (line: string) => void;
  /** Where to look for the program, instead of the PATH. */
  readonly path?: string;
}

/**
 * Runs the `nats-server` that is on the PATH as a child, for this platform alone: on 127.0.0.1, for whoever holds a key that
 * is made anew at each start. It is started again when it dies, and ends with us, however we end.
 *
 * `undefined` when there is none on the PATH.
 *
 * @throws OpenWorkersError DATA_DIR_IN_USE, CONFIG_INVALID, BUS_UNAVAILABLE when it does not start
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer | undefined> {
  const program = Bun.which("nats-server", { PATH: options.path ?? process.env.PATH ?? "" });
  return program === null ? undefined : await NatsServer.start(program, options);
}

/** A running nats-server; see `startNatsServer`. */
export class NatsServer implements AsyncDisposable {
  readonly #options: NatsServerOptions;
  readonly #lock: Disposable;
  readonly #directory: string;
  readonly #launch: Launch;
  readonly #key = nkeys.createUser();
  readonly #account: Account | undefined;
  #port = 0;
  #server: ServerProcess | undefined;
  #ending = false;
  #watching: Promise<void> = Promise.resolve();

  private constructor(program: string, options: NatsServerOptions) {
    this.#options = options;
    const path = join(options.dataDir, "nats");
    mkdirSync(path, { recursive: true, mode: 0o711 });
    const own = realpathSync(path);
    this.#directory = join(own, "server");
    this.#lock = lockDirectory(own);
    try {
      this.#account = accountFor(this.#directory, {
        name: "nats-server",
        accounts: ["openworkers", "nats", "nobody"],
      });
      // What we keep here is our lock; its own directory is the server's, and nobody else's.
      chmodSync(own, this.#account === undefined ? 0o700 : 0o711);
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      if (this.#account !== undefined) chownSync(this.#directory, this.#account.uid, this.#account.gid);
      this.#launch = chooseLaunch(program, this.#directory, this.#account);
    } catch (thrown) {
      this.#lock[Symbol.dispose]();
      throw thrown;
    }
  }

  /** See `startNatsServer`. */
  static async start(program: string, options: NatsServerOptions): Promise<NatsServer> {
    const server = new NatsServer(program, options);
    try {
      await server.#start();
    } catch (thrown) {
      server.#lock[Symbol.dispose]();
      throw thrown;
    }
    server.#watching = server.#watch();
    return server;
  }

  /** How `connectNats` reaches it. Holds the key. */
  get connection(): Pick<NatsOptions, "servers" | "nkeySeed"> {
    return {
      servers: [`127.0.0.1:${this.#port}`],
      nkeySeed: new TextDecoder().decode(this.#key.getSeed()),
    };
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#server?.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending) return await this.#watching;
    this.#ending = true;
    try {
      await this.#stop();
      await this.#watching;
    } finally {
      this.#lock[Symbol.dispose]();
    }
  }

  async #start(): Promise<void> {
    await endLeftovers(this.#directory);
    // A port that was free a moment ago may be somebody's by now; once clients know it, it stays.
    for (let attempt = 1; ; attempt++) {
      if (this.#server === undefined && this.#port === 0) this.#port = freePort();
      try {
        this.#server = await this.#run();
        return;
      } catch (thrown) {
        const taken = /address already in use/.test(messageOf(thrown));
        if (!taken || attempt === 5) throw thrown;
        this.#port = 0;
      }
    }
  }

  async #run(): Promise<ServerProcess> {
    this.#writeConfig();
    const server = new ServerProcess(this.#launch.command, {
      onLog: this.#options.onLog,
      cwd: this.#directory,
    });
    const deadline = Date.now() + startMs;
    while (!(await listens(this.#port))) {
      if (!(await server.endsWithin(20)) && Date.now() < deadline) continue;
      server.kill("SIGKILL");
      const { log } = await server.exited;
      throw new OpenWorkersError(
        "BUS_UNAVAILABLE",
        `nats-server does not start: ${log.trim().slice(-1_000)}`,
      );
    }
    return server;
  }

  // Starts it again whenever it ends by itself.
  async #watch(): Promise<void> {
    let pauseMs = 100;
    while (!this.#ending) {
      const server = this.#server;
      if (server === undefined) return;
      const startedAt = performance.now();
      const { code, log } = await server.exited;
      if (this.#ending) return;
      this.#server = undefined;
      this.#options.report("nats-server ended and is started again.", { code, log: log.slice(-1_000) });
      if (performance.now() - startedAt > 60_000) pauseMs = 100;
      while (!this.#ending) {
        await Bun.sleep(pauseMs);
        pauseMs = Math.min(2 * pauseMs, longestPauseMs);
        try {
          if (this.#ending) return;
          await endLeftovers(this.#directory);
          this.#server = await this.#run();
          break;
        } catch (thrown) {
          this.#options.report("nats-server could not be started again.", { error: messageOf(thrown) });
        }
      }
    }
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.kill("SIGTERM");
    if (server !== undefined && !(await server.endsWithin(15_000))) server.kill("SIGKILL");
    await server?.exited;
  }

  // The server's account may write in this directory: nothing in it is followed or written into that was there before.
  #writeConfig(): void {
    const path = join(this.#directory, "nats.conf");
    rmSync(path, { force: true });
    const fd = openSync(path, "wx", 0o600);
    try {
      if (this.#account !== undefined) fchownSync(fd, this.#account.uid, this.#account.gid);
      writeSync(fd, this.#config());
    } finally {
      closeSync(fd);
    }
  }

  #config(): string {
    const maxBytes = this.#options.maxBytes ?? 32 * 2 ** 30;
    return `
server_name: openworkers
listen: "127.0.0.1:${this.#port}"
# A batch of log records, and its headers.
max_payload: 2MB
jetstream {
  store_dir: ${JSON.stringify(this.#launch.directory)}
  max_file_store: ${maxBytes}
  max_memory_store: ${64 * 2 ** 20}
}
authorization { users: [ { nkey: ${this.#key.getPublicKey()} } ] }
`;
  }
}

/** Ends the server that a killed owner left running in `directory`: two on one directory would ruin it. */
async function endLeftovers(directory: string): Promise<void> {
  for (const [signal, patienceMs] of [
    ["SIGTERM", 10_000],
    ["SIGKILL", 5_000],
  ] as const) {
    for (const pid of processesIn(directory)) signalProcess(pid, signal);
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline && processesIn(directory).length > 0) await Bun.sleep(10);
  }
}
