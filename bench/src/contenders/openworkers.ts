import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Binding, UserId, WorkerId } from "@openworkers/core";
import {
  connect,
  createResource,
  type Database,
  deployVersion,
  ensureOperator,
  putKvEntry,
} from "@openworkers/db";
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

  /** As a user starts it: the API's own workers are there. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<OpenWorkers> {
    const platform = await startPlatform({ env, api: true });
    try {
      const database = connect(await databaseUrl(platform.directory), { max: 10, applicationName: "bench" });
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

  fetch(worker: string, path = "/", init: BunFetchRequestInit = {}): Promise<Response> {
    return this.#platform.fetch(worker, path, init);
  }

  /** Deploys a file of bench/workers. Settles when the database has it, which may be before it is served. */
  async deployFile(worker: string, file: string, bindings?: ReadonlyMap<string, Binding>): Promise<WorkerId> {
    return await this.deployText(worker, await Bun.file(join(workers, file)).text(), bindings);
  }

  /** Deploys straight into the database: what `ow deploy` does after bundling and checking. */
  async deployText(
    worker: string,
    source: string,
    bindings?: ReadonlyMap<string, Binding>,
  ): Promise<WorkerId> {
    const { workerId } = await deployVersion(this.#database, {
      worker,
      by: this.#operator,
      code: {
        modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode(source) }],
        compatibilityDate: "2026-04-01",
        compatibilityFlags: [],
        sourceMaps: new Map(),
      },
      ...(bindings === undefined ? {} : { bindings }),
    });
    return workerId;
  }

  /** Deploys a folder with `ow deploy`. */
  async deployFolder(worker: string, folder: string): Promise<void> {
    await this.#platform.deploy(folder, "--name", worker);
  }

  /** A new KV namespace, and a way round the platform to what is in it. */
  async kvNamespace(name: string) {
    const namespaceId = await createResource(this.#database, "kv", { name, by: this.#operator });
    const statement = {
      name: "bench_select",
      text: "select value, metadata from kv_entries where namespace_id = $1 and key = $2",
    };
    const binding: Binding = { kind: "kv", namespaceId };
    return {
      binding,
      put: (key: string, value: Uint8Array) =>
        putKvEntry(
          this.#database,
          { namespaceId, key: Buffer.from(key), metadata: undefined, expiresAt: undefined },
          value,
        ),
      /** Selects the value of "key-1" as an application of its own would. */
      select: () => this.#database.prepared(statement, [namespaceId, Buffer.from("key-1")]),
    };
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
