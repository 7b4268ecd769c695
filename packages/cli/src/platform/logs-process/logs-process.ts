import { join } from "node:path";
import type { NatsConnectionOptions } from "@openworkers/bus";
import { messageOf, OpenWorkersError, type Report, within } from "@openworkers/core";
import { type LogsState, type Order, type Word, wordSchema } from "./protocol.ts";

export interface LogsProcessOptions {
  /** Of the platform's database, migrated. */
  readonly databaseUrl: string;
  readonly nats: NatsConnectionOptions;
  readonly report: Report;
}

type Child = Bun.Subprocess<"ignore", "ignore", "inherit">;

const startMs = 60_000;
/** The service itself gives what it holds five seconds to be stored. */
const stopMs = 10_000;
const askMs = 2_000;
const pauseMs = { first: 100, longest: 5_000 } as const;

/**
 * The logs service in a process of its own, which the machine's other work goes before: where it would share a thread with
 * requests, storing one's record would cost the next one time. It is started again when it dies, at the same address, and ends
 * with us, however we end.
 */
export class LogsProcess implements AsyncDisposable {
  readonly #options: LogsProcessOptions;
  readonly #asked = new Map<number, (state: LogsState) => void>();
  #child: Child | undefined;
  #ready = Promise.withResolvers<string>();
  #url = "";
  #questions = 0;
  #ending = false;
  #watching: Promise<void> = Promise.resolve();

  private constructor(options: LogsProcessOptions) {
    this.#options = options;
  }

  /** @throws OpenWorkersError as `startLogs` and `connectNats` do, INTERNAL when it does not start */
  static async start(options: LogsProcessOptions): Promise<LogsProcess> {
    const logs = new LogsProcess(options);
    logs.#url = await logs.#run();
    logs.#watching = logs.#watch();
    return logs;
  }

  /** Of its HTTP face, with a slash at the end; stays as it is when the process is started again. */
  get url(): string {
    return this.#url;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How many follow logs, and its metrics as Prometheus reads them; undefined when it does not answer. */
  async state(): Promise<LogsState | undefined> {
    if (this.#child === undefined) return undefined;
    const id = this.#questions++;
    const { promise, resolve } = Promise.withResolvers<LogsState>();
    this.#asked.set(id, resolve);
    try {
      this.#tell({ kind: "ask", id });
      return await within(promise, askMs);
    } finally {
      this.#asked.delete(id);
    }
  }

  /** Stores what it holds, and ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    const child = this.#child;
    if (child !== undefined) {
      this.#tell({ kind: "stop" });
      if ((await within(child.exited, stopMs)) === undefined) child.kill("SIGKILL");
    }
    await this.#watching;
  }

  /** Returns its URL once it serves. */
  async #run(): Promise<string> {
    const ready = Promise.withResolvers<string>();
    this.#ready = ready;
    const child: Child = Bun.spawn([...prefix(), process.execPath, join(import.meta.dir, "run.ts")], {
      cwd: "/",
      // It seals and opens nothing.
      env: { ...process.env, OW_SECRET_KEY: undefined },
      // A session of its own, so that Ctrl-C in our terminal reaches us alone, and it takes what is logged meanwhile.
      detached: true,
      stdin: "ignore",
      // Its words come over IPC; what else it writes is a runtime's last, and not for who parses our output.
      stdout: "ignore",
      stderr: "inherit",
      serialization: "json",
      ipc: (message) => this.#hear(wordSchema.parse(message)),
    });
    this.#child = child;
    void child.exited.then((code) => {
      if (this.#child === child) this.#child = undefined;
      ready.reject(new OpenWorkersError("INTERNAL", `The logs service ended with ${code}.`));
    });
    const url = await within(ready.promise, startMs);
    if (url !== undefined) return url;
    child.kill("SIGKILL");
    throw new OpenWorkersError(
      "INTERNAL",
      `The logs service did not start within ${startMs / 1_000} seconds.`,
    );
  }

  #hear(word: Word): void {
    const { databaseUrl, nats, report } = this.#options;
    switch (word.kind) {
      case "listens": {
        const port = this.#url === "" ? {} : { port: Number(new URL(this.#url).port) };
        this.#tell({ kind: "start", databaseUrl, nats: { ...nats, servers: [...nats.servers] }, ...port });
        break;
      }
      case "ready":
        this.#ready.resolve(word.url);
        break;
      case "failed": {
        const { code, message, hint } = word;
        this.#ready.reject(new OpenWorkersError(code, message, hint === undefined ? {} : { hint }));
        break;
      }
      case "report":
        report(word.message, word.details);
        break;
      case "state":
        this.#asked.get(word.id)?.(word);
    }
  }

  #tell(order: Order): void {
    // Between its end and our hearing of it nobody listens.
    const child = this.#child;
    if (child !== undefined && "connected" in child && child.connected === true) child.send(order);
  }

  // Starts it again whenever it ends by itself.
  async #watch(): Promise<void> {
    const { report } = this.#options;
    let pause: number = pauseMs.first;
    while (!this.#ending) {
      const startedAt = performance.now();
      const code = await this.#child?.exited;
      if (this.#ending) return;
      if (code !== undefined) report("The logs service ended and is started again.", { code });
      if (performance.now() - startedAt > 60_000) pause = pauseMs.first;
      await Bun.sleep(pause);
      pause = Math.min(2 * pause, pauseMs.longest);
      if (this.#ending) return;
      try {
        await this.#run();
      } catch (thrown) {
        if (!this.#ending)
          report("The logs service could not be started again.", { error: messageOf(thrown) });
      }
    }
  }
}

// It is not asked when we are killed: what it holds is on the bus still.
function prefix(): string[] {
  return process.platform === "linux" && Bun.which("setpriv") !== null
    ? ["setpriv", "--pdeathsig", "KILL"]
    : [];
}
