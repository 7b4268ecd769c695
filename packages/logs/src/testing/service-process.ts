import { join } from "node:path";

/** A logs service in a process of its own. */
export class ServiceProcess implements AsyncDisposable {
  readonly #env: Readonly<Record<string, string>>;
  #child: Bun.Subprocess<"ignore", "pipe", "ignore"> | undefined;
  #url = "";

  private constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  static async start(databaseUrl: string, natsServers: readonly string[]): Promise<ServiceProcess> {
    const service = new ServiceProcess({ DATABASE_URL: databaseUrl, NATS_SERVERS: natsServers.join(",") });
    await service.start();
    return service;
  }

  get url(): string {
    return this.#url;
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "run-service.ts")], {
      env: { ...process.env, ...this.#env },
      stdin: "ignore",
      stdout: "pipe",
      // What it reports of faults is expected.
      stderr: "ignore",
    });
    this.#child = child;
    const { value } = await child.stdout.getReader().read();
    this.#url = new TextDecoder().decode(value).trim();
    if (this.#url === "") throw new Error(`The service ended with ${await child.exited}.`);
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
