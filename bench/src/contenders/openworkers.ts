import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { UserId } from "@openworkers/core";
import { connect, type Database, deployVersion, ensureOperator } from "@openworkers/db";
import { type Platform, startPlatform } from "@openworkers/e2e/platform";
import type { Contender } from "./contender.ts";

const workers = join(import.meta.dir, "..", "..", "workers");

/** The platform as `npm start` runs it, sandbox and all, and a short way to deploy to it. */
export class OpenWorkers implements Contender {
  readonly name = "OpenWorkers";
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #operator: UserId;

  private constructor(platform: Platform, database: Database, operator: UserId) {
    this.#platform = platform;
    this.#database = database;
    this.#operator = operator;
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<OpenWorkers> {
    const platform = await startPlatform({ env });
    try {
      const database = connect(await databaseUrl(platform.directory), { max: 2, applicationName: "bench" });
      return new OpenWorkers(platform, database, (await ensureOperator(database)).id);
    } catch (error) {
      await platform[Symbol.asyncDispose]();
      throw error;
    }
  }

  get host(): string {
    return this.#platform.host("hello");
  }

  get url(): string {
    return `http://127.0.0.1:${this.#platform.port}/`;
  }

  get pids(): readonly number[] {
    return [this.#platform.pid];
  }

  /** Everything that the platform has printed: why an answer was not what it should be. */
  get output(): string {
    return this.#platform.output;
  }

  /** The host of another worker on this platform. */
  hostOf(worker: string): string {
    return this.#platform.host(worker);
  }

  fetch(worker: string, path = "/"): Promise<Response> {
    return this.#platform.fetch(worker, path);
  }

  /** Deploys a file of bench/workers. Settles when the database has it, which may be before it is served. */
  async deployFile(worker: string, file: string): Promise<void> {
    await this.deployText(worker, await Bun.file(join(workers, file)).text());
  }

  /** Deploys straight into the database: what `ow deploy` does after bundling and checking. */
  async deployText(worker: string, source: string): Promise<void> {
    await deployVersion(this.#database, {
      worker,
      by: this.#operator,
      code: {
        modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode(source) }],
        compatibilityDate: "2026-04-01",
        compatibilityFlags: [],
        sourceMaps: new Map(),
      },
    });
  }

  /** Asks until the worker answers with 200. */
  async untilServed(worker: string): Promise<void> {
    for (;;) {
      const response = await this.fetch(worker);
      await response.arrayBuffer();
      if (response.ok) return;
      await Bun.sleep(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
    await this.#platform[Symbol.asyncDispose]();
  }
}

/** From the profile that `ow up` leaves for the CLI. */
export async function databaseUrl(directory: string): Promise<string> {
  const folder = join(directory, "home", "profiles");
  const [name] = await readdir(folder);
  if (name === undefined) throw new Error(`the platform left no profile in ${folder}`);
  const profile: unknown = await Bun.file(join(folder, name)).json();
  if (typeof profile === "object" && profile !== null && "databaseUrl" in profile) {
    return String(profile.databaseUrl);
  }
  throw new Error(`the profile in ${folder} names no database`);
}
