import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "@openworkers/bus";
import {
  type AssetSettings,
  type Binding,
  type BucketId,
  type DatabaseId,
  defaultMaxima,
  type KvNamespaceId,
  type Limits,
  type LogRecord,
  Registry,
  type UserId,
  type WantedConsumer,
  type WorkerId,
} from "@openworkers/core";
import {
  createResource,
  type Database,
  deployVersion,
  ensureOperator,
  registerSealingKey,
  SecretKeys,
} from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { uploadSite } from "../../assets/testing/site.ts";
import type { DatabaseGateway } from "../../bindings/database/gateway.ts";
import { Permissions } from "../../egress/guard/permissions.ts";
import { createRunner, type Runner } from "../runner.ts";
import type { RunnerSettings } from "../settings.ts";

export interface TestDeploy {
  readonly bindings?: Readonly<Record<string, Binding>>;
  readonly entrypoints?: readonly string[];
  readonly limits?: Partial<Limits>;
  /** Of all requests; the version before keeps the rest. */
  readonly percent?: number;
  /** Queues that it takes the messages of. */
  readonly consumers?: readonly WantedConsumer[];
  /** Static files, as HTML; `env.ASSETS` with them. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly assets?: Partial<AssetSettings>;
}

/** A whole runner with a database of its own. */
export interface TestRunner extends AsyncDisposable {
  readonly runner: Runner;
  readonly database: Database;
  /** Whose everything here is. */
  readonly operator: UserId;
  /** Where its cells have their sockets. */
  readonly runtimeDir: string;
  /** Lines and invocations of all workers. */
  readonly records: readonly LogRecord[];
  readonly metrics: Registry;
  /** What the operator was told. */
  readonly reports: readonly Record<string, unknown>[];
  /** Deploys a worker of one module and waits until it is served. */
  deploy(worker: string, source: string, options?: TestDeploy): Promise<WorkerId>;
  /** Creates an empty KV namespace, an empty bucket and the row of a database, for bindings. */
  createStores(): Promise<{
    readonly namespaceId: KvNamespaceId;
    readonly bucketId: BucketId;
    readonly databaseId: DatabaseId;
  }>;
  /** Takes all of a worker's versions out of service. */
  withdraw(worker: string): Promise<void>;
  get(worker: string, path?: string, init?: RequestInit): Promise<Response>;
  text(worker: string, path?: string, init?: RequestInit): Promise<string>;
}

/** The platform's database, in a server of the test's. */
export interface OwnDatabase {
  readonly url: string;
  readonly database: Database;
  readonly secretKeys: SecretKeys;
}

const defaultSettings: RunnerSettings = {
  maxCells: undefined,
  warmCells: 1,
  idleMs: undefined,
  codeCacheBytes: undefined,
  assetCacheBytes: undefined,
  cellUidBase: undefined,
  trustedProxies: [],
  maxima: defaultMaxima,
  egress: { open: true, permissions: Permissions.none, certificates: undefined },
};

/**
 * @param openDatabases given where the runner has its own; the caller disposes of what it opens
 * @param bus where events come from; the caller's
 */
export async function startTestRunner(
  settings: Partial<RunnerSettings> = {},
  openDatabases?: (own: OwnDatabase) => Promise<DatabaseGateway>,
  bus?: Bus,
): Promise<TestRunner> {
  await using parts = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "ow-"));
  parts.defer(() => rmSync(directory, { recursive: true, force: true }));
  const { database, url } = parts.use(await withTestDatabase());
  const secretKeys = await SecretKeys.load({ directory: mkdtempSync(join(directory, "keys-")) });
  await registerSealingKey(database, secretKeys);
  const databases = await openDatabases?.({ url, database, secretKeys });
  const runtimeDir = mkdtempSync(join(directory, "r-"));
  const records: LogRecord[] = [];
  const reports: Record<string, unknown>[] = [];
  const metrics = new Registry();
  const runner = parts.use(
    await createRunner({
      database,
      secretKeys,
      port: 0,
      hostname: "127.0.0.1",
      baseDomain: "localhost",
      runtimeDir,
      sandbox: "bubblewrap",
      logs: { emit: (record) => records.push(record) },
      metrics,
      report: (message, details) => reports.push({ message, ...details }),
      settings: { ...defaultSettings, ...settings },
      ...(databases === undefined ? {} : { databases }),
      ...(bus === undefined ? {} : { bus }),
    }),
  );
  const { id: operator } = await ensureOperator(database);
  let stores = 0;
  const get: TestRunner["get"] = (worker, path = "/", init = {}) =>
    fetch(`http://127.0.0.1:${runner.port}${path}`, {
      ...init,
      headers: { ...Object.fromEntries(new Headers(init.headers)), host: `${worker}.localhost` },
    });
  const owned = parts.move();
  return {
    runner,
    database,
    operator,
    runtimeDir,
    records,
    reports,
    metrics,
    get,
    text: async (...given) => (await get(...given)).text(),
    async createStores() {
      const named = { name: `store-${++stores}`, by: operator };
      return {
        namespaceId: await createResource(database, "kv", named),
        bucketId: await createResource(database, "storage", named),
        databaseId: await createResource(database, "database", named),
      };
    },
    async withdraw(worker) {
      await database.write(async (transaction) => {
        const named = transaction.selectFrom("workers").select("workers.id").where("name", "=", worker);
        await transaction.deleteFrom("deployments").where("worker_id", "=", named).execute();
      });
    },
    async deploy(
      worker,
      source,
      { bindings = {}, entrypoints, limits, percent, consumers, files, assets } = {},
    ) {
      const site = files === undefined ? undefined : await uploadSite(database, operator, files, assets);
      const granted = site === undefined ? bindings : { ASSETS: { kind: "assets" } as const, ...bindings };
      const deployed = await deployVersion(database, {
        worker,
        by: operator,
        code: {
          modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode(source) }],
          compatibilityDate: "2026-11-01",
          compatibilityFlags: [],
          sourceMaps: new Map(),
        },
        bindings: new Map(Object.entries(granted)),
        ...(site === undefined ? {} : { assets: site }),
        ...(percent === undefined ? {} : { percent }),
        ...(consumers === undefined ? {} : { consumers }),
        ...(limits === undefined ? {} : { limits }),
        ...(entrypoints === undefined ? {} : { entrypoints }),
      });
      while (!runner.serves(worker, deployed.version)) await Bun.sleep(2);
      return deployed.workerId;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
