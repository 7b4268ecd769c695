import { OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import {
  createLogToken,
  createNamedLogToken,
  createResource,
  type Database,
  deleteResource,
  deployVersion,
  effectiveLimits,
  ensureOperator,
  getResource,
  getWorker,
  listAudit,
  listLogTokens,
  listResources,
  listRoutes,
  listVersions,
  missingAssets,
  type NamedLogToken,
  revokeLogToken,
  rotateSealingKey,
  SecretKeys,
  setLogRetention,
  sweepUploads,
  uploadAssets,
} from "@openworkers/db";
import type { QueueCounter } from "../queues/counter.ts";
import type {
  AuditEntry,
  Backend,
  BindingSummary,
  Deployed,
  DeployInput,
  DeploymentSummary,
  DomainSummary,
  EnvironmentBinding,
  Share,
  ValueSummary,
  VersionSummary,
  WorkerDetails,
  WorkerSummary,
} from "./backend.ts";
import type { TxtResolver } from "./dns.ts";
import type { KvNamespaceAccess, NamespaceSummary } from "./kv.ts";
import { SqlCrons } from "./sql-crons.ts";
import { SqlDatabases } from "./sql-databases.ts";
import { SqlDeployments } from "./sql-deployments.ts";
import { SqlDomains } from "./sql-domains.ts";
import { SqlEnvironment } from "./sql-environment.ts";
import { SqlKv } from "./sql-kv.ts";
import { SqlQueues } from "./sql-queues.ts";
import { SqlStorage } from "./sql-storage.ts";
import type { BucketAccess, BucketSummary, OwnS3 } from "./storage.ts";

const logTokenMs = 3_600_000;

/**
 * Acts on a platform through its database, as the operator: works when nothing else of the platform does. Whoever
 * has the database's password may do all of this anyway.
 */
export class SqlBackend implements Backend {
  readonly #database: Database;
  readonly #dataDir: string | undefined;
  readonly #deployments: SqlDeployments;
  readonly #domains: SqlDomains;
  readonly #storage: SqlStorage;
  readonly databases: SqlDatabases;
  readonly crons: SqlCrons;
  readonly queues: SqlQueues;
  #operator: Promise<UserId> | undefined;

  /**
   * @param dataDir where the private keys of secrets are, if on this machine; owns `database`.
   * @param options `dns`: the system's name servers without; `countQueues`: what is on the bus is not known without
   */
  constructor(
    database: Database,
    dataDir: string | undefined,
    { dns, countQueues }: { readonly dns?: TxtResolver; readonly countQueues?: QueueCounter } = {},
  ) {
    this.#database = database;
    this.#dataDir = dataDir;
    this.#deployments = new SqlDeployments(database, () => this.#by());
    this.#domains = new SqlDomains(database, () => this.#by(), dns);
    this.#storage = new SqlStorage(database, () => this.#secretKeys());
    this.databases = new SqlDatabases(database, () => this.#by());
    this.crons = new SqlCrons(database, () => this.#by());
    this.queues = new SqlQueues(database, () => this.#by(), countQueues ?? (async () => undefined));
  }

  async deploy(input: DeployInput): Promise<Deployed> {
    const by = await this.#by();
    const environment = await this.#environment();
    await using values = await environment.prepare(input.worker, {
      vars: input.environmentVars ?? new Map(),
      secrets: input.environmentSecrets ?? new Map(),
    });
    const { version, deploymentId, bound } = await deployVersion(this.#database, {
      worker: input.worker,
      by,
      code: input.code,
      vars: input.vars,
      wanted: input.bindings,
      limits: input.limits,
      domains: input.domains,
      percent: input.percent,
      ...(input.entrypoints === undefined ? {} : { entrypoints: input.entrypoints }),
      ...(input.crons === undefined ? {} : { crons: input.crons }),
      ...(input.consumers === undefined ? {} : { consumers: input.consumers }),
      ...(input.egress === undefined ? {} : { egress: input.egress }),
      ...(input.assets === undefined ? {} : { assets: input.assets }),
      ...(input.routes === undefined ? {} : { routes: input.routes }),
      ...(input.message === undefined ? {} : { message: input.message }),
      ...(values.environment === undefined ? {} : { environment: values.environment }),
    });
    values.keep();
    return { worker: input.worker, version, deploymentId, bindings: bound };
  }

  async missingAssets(hashes: readonly string[]): Promise<ReadonlySet<string>> {
    await sweepUploads(this.#database);
    return await missingAssets(this.#database, await this.#by(), hashes);
  }

  async uploadAssets(contents: ReadonlyMap<string, Uint8Array>): Promise<void> {
    await uploadAssets(this.#database, await this.#by(), contents);
  }

  async workers(): Promise<WorkerSummary[]> {
    return await this.#deployments.workers();
  }

  async worker(name: string): Promise<WorkerDetails> {
    const worker = await getWorker(this.#database, name);
    const versions = await listVersions(this.#database, name);
    const live = versions.find(({ percent }) => percent > 0);
    return {
      ...(await this.#deployments.summary(name)),
      domains: await this.domains(name),
      routes: (await listRoutes(this.#database, name)).map(({ pattern }) => pattern),
      limits: effectiveLimits([worker.limits, live?.limits]),
      environment: await this.values(name),
      bindings: await this.bindings(name),
    };
  }

  async deleteWorker(name: string): Promise<void> {
    await (await this.#environment()).deleteWithWorker(name);
  }

  async versions(worker: string): Promise<VersionSummary[]> {
    return await this.#deployments.versions(worker);
  }

  async deployments(worker: string): Promise<DeploymentSummary[]> {
    return await this.#deployments.list(worker);
  }

  async createDeployment(
    worker: string,
    shares: readonly Share[],
    message?: string,
  ): Promise<DeploymentSummary> {
    return await this.#deployments.create(worker, shares, message);
  }

  async values(worker: string, options: { readonly missingIsEmpty?: boolean } = {}): Promise<ValueSummary[]> {
    return await (await this.#environment()).list(worker, options.missingIsEmpty === true);
  }

  async setVars(worker: string, values: ReadonlyMap<string, string>): Promise<void> {
    await (await this.#environment()).set(worker, { vars: values, secrets: new Map() });
  }

  async setSecrets(worker: string, values: ReadonlyMap<string, string>): Promise<void> {
    await (await this.#environment()).set(worker, { vars: new Map(), secrets: values });
  }

  async unset(worker: string, kind: "var" | "secret", names: readonly string[]): Promise<string[]> {
    return await (await this.#environment()).unset(worker, kind, names);
  }

  async bindings(
    worker: string,
    options: { readonly missingIsEmpty?: boolean } = {},
  ): Promise<BindingSummary[]> {
    return await (await this.#environment()).bindings(worker, options.missingIsEmpty === true);
  }

  async addBindings(worker: string, bindings: ReadonlyMap<string, EnvironmentBinding>): Promise<void> {
    await (await this.#environment()).bind(worker, bindings);
  }

  async removeBindings(worker: string, names: readonly string[]): Promise<string[]> {
    return await (await this.#environment()).unbind(worker, names);
  }

  async rotateKey(): Promise<{ readonly keyId: string; readonly values: number }> {
    const keys = await this.#secretKeys();
    const { keyId, resealed } = await rotateSealingKey(this.#database, keys, await this.#by());
    return { keyId, values: resealed };
  }

  /** @throws OpenWorkersError SECRET_UNREADABLE when they are not on this machine */
  async #secretKeys(): Promise<SecretKeys> {
    const { OW_SECRET_KEY: secretKey } = process.env;
    if (secretKey === undefined && this.#dataDir === undefined) {
      throw new OpenWorkersError(
        "SECRET_UNREADABLE",
        "The private key of this platform's secrets is not here.",
        {
          hint: "Run it on the platform's machine while it runs, or set OW_SECRET_KEY to the old and the new key.",
        },
      );
    }
    return SecretKeys.load({ secretKey, directory: this.#dataDir ?? "." });
  }

  async kvNamespaces(): Promise<NamespaceSummary[]> {
    return await listResources(this.#database, "kv");
  }

  async createKvNamespace(name: string): Promise<NamespaceSummary> {
    const by = await this.#by();
    const nameOrId = await createResource(this.#database, "kv", { name, by });
    return await getResource(this.#database, "kv", { nameOrId, by });
  }

  async deleteKvNamespace(nameOrId: string): Promise<void> {
    await deleteResource(this.#database, "kv", { nameOrId, by: await this.#by() });
  }

  async kv(nameOrId: string): Promise<KvNamespaceAccess> {
    const namespace = await getResource(this.#database, "kv", { nameOrId, by: await this.#by() });
    return new SqlKv(this.#database, namespace);
  }

  async buckets(): Promise<BucketSummary[]> {
    return await this.#storage.buckets();
  }

  async createBucket(name: string, s3?: OwnS3): Promise<BucketSummary> {
    return await this.#storage.create(name, await this.#by(), s3);
  }

  async deleteBucket(nameOrId: string): Promise<void> {
    await deleteResource(this.#database, "storage", { nameOrId, by: await this.#by() });
  }

  async bucket(nameOrId: string): Promise<BucketAccess> {
    return await this.#storage.open(nameOrId, await this.#by());
  }

  async domains(worker?: string): Promise<DomainSummary[]> {
    return await this.#domains.list(worker);
  }

  async addDomain(worker: string, hostname: string): Promise<DomainSummary> {
    return await this.#domains.add(worker, hostname);
  }

  async verifyDomain(hostname: string, { trust }: { readonly trust: boolean }): Promise<DomainSummary> {
    return await this.#domains.verify(hostname, trust);
  }

  async removeDomain(hostname: string): Promise<void> {
    await this.#domains.remove(hostname);
  }

  async workerId(worker: string): Promise<WorkerId> {
    return (await getWorker(this.#database, worker)).id;
  }

  async createLogToken(worker: WorkerId | undefined): Promise<string> {
    return await createLogToken(this.#database, {
      scope: worker === undefined ? { kind: "all" } : { kind: "worker", workerId: worker },
      expiresAt: new Date(Date.now() + logTokenMs),
      by: await this.#by(),
    });
  }

  async createNamedLogToken(
    worker: string,
    token: { readonly name: string; readonly expiresAt: Date },
  ): Promise<string> {
    return await createNamedLogToken(this.#database, { worker, ...token, by: await this.#by() });
  }

  async logTokens(worker: string): Promise<NamedLogToken[]> {
    return await listLogTokens(this.#database, worker);
  }

  async revokeLogToken(worker: string, name: string): Promise<void> {
    await revokeLogToken(this.#database, { worker, name, by: await this.#by() });
  }

  async setLogRetention(worker: string, days: number | null): Promise<void> {
    await setLogRetention(this.#database, { worker, days, by: await this.#by() });
  }

  async audit(limit: number): Promise<AuditEntry[]> {
    return await listAudit(this.#database, { limit });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }

  #by(): Promise<UserId> {
    this.#operator ??= ensureOperator(this.#database).then(({ id }) => id);
    return this.#operator;
  }

  async #environment(): Promise<SqlEnvironment> {
    return new SqlEnvironment(this.#database, await this.#by());
  }
}
