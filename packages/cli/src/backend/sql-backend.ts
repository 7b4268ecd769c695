import { OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import {
  addDomain,
  createDeployment,
  createLogToken,
  createNamedLogToken,
  createResource,
  type Database,
  type Deployment,
  type Domain,
  deleteResource,
  deployVersion,
  effectiveLimits,
  ensureOperator,
  getResource,
  getWorker,
  listAudit,
  listDeployments,
  listDomains,
  listLogTokens,
  listResources,
  listRoutes,
  listVersions,
  listWorkers,
  missingAssets,
  type NamedLogToken,
  parseHostname,
  removeDomain,
  revokeLogToken,
  rotateSealingKey,
  SecretKeys,
  setLogRetention,
  sweepUploads,
  uploadAssets,
  verifyDomain,
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
import { hasTxtRecord, type TxtResolver } from "./dns.ts";
import type { KvNamespaceAccess, NamespaceSummary } from "./kv.ts";
import { SqlCrons } from "./sql-crons.ts";
import { SqlDatabases } from "./sql-databases.ts";
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
  readonly #dns: TxtResolver | undefined;
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
    this.#dns = dns;
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
    const workers = await listWorkers(this.#database);
    return await Promise.all(workers.map(({ name }) => this.#summary(name)));
  }

  async worker(name: string): Promise<WorkerDetails> {
    const worker = await getWorker(this.#database, name);
    const versions = await listVersions(this.#database, name);
    const live = versions.find(({ percent }) => percent > 0);
    return {
      ...(await this.#summary(name)),
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
    const versions = await listVersions(this.#database, worker);
    return versions.map((version) => ({
      version: version.number,
      bytes: version.bytes,
      compatibilityDate: version.compatibilityDate,
      compatibilityFlags: version.compatibilityFlags,
      message: version.message ?? undefined,
      createdAt: version.createdAt,
      percent: version.percent,
    }));
  }

  async deployments(worker: string): Promise<DeploymentSummary[]> {
    return (await listDeployments(this.#database, worker)).map(toDeploymentSummary);
  }

  async createDeployment(
    worker: string,
    shares: readonly Share[],
    message?: string,
  ): Promise<DeploymentSummary> {
    const id = await createDeployment(this.#database, {
      worker,
      versions: new Map(shares.map(({ version, percent }) => [version, percent])),
      by: await this.#by(),
      ...(message === undefined ? {} : { message }),
    });
    const made = (await listDeployments(this.#database, worker)).find((deployment) => deployment.id === id);
    if (made === undefined)
      throw new OpenWorkersError("CONFLICT", `${worker} was changed by somebody else meanwhile.`);
    return toDeploymentSummary(made);
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
    if (worker !== undefined) await getWorker(this.#database, worker);
    return (await listDomains(this.#database, worker)).map(toDomainSummary);
  }

  async addDomain(worker: string, hostname: string): Promise<DomainSummary> {
    return toDomainSummary(await addDomain(this.#database, { worker, hostname, by: await this.#by() }));
  }

  async verifyDomain(hostname: string, { trust }: { readonly trust: boolean }): Promise<DomainSummary> {
    const name = parseHostname(hostname);
    const domain = (await listDomains(this.#database)).find((candidate) => candidate.hostname === name);
    if (domain === undefined) {
      throw new OpenWorkersError("NOT_FOUND", `No worker has the domain ${name}.`, {
        hint: `Add it first: ow domains add WORKER ${name}`,
      });
    }
    const proven =
      trust || domain.verifiedAt !== null || (await hasTxtRecord(name, domain.verificationToken, this.#dns));
    if (!proven) {
      throw new OpenWorkersError(
        "FORBIDDEN",
        `_openworkers.${name} has no TXT record "${domain.verificationToken}".`,
        {
          hint: "Set it and wait until DNS has it, or say --trust when this platform and the domain are yours.",
        },
      );
    }
    return toDomainSummary(await verifyDomain(this.#database, { hostname: name, by: await this.#by() }));
  }

  async removeDomain(hostname: string): Promise<void> {
    await removeDomain(this.#database, { hostname, by: await this.#by() });
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

  async #summary(name: string): Promise<WorkerSummary> {
    const { lastVersion, createdAt } = await getWorker(this.#database, name);
    const [live] = await listDeployments(this.#database, name);
    return {
      worker: name,
      live: live === undefined ? [] : toDeploymentSummary(live).shares,
      versions: lastVersion,
      createdAt,
      deployedAt: live?.createdAt,
    };
  }
}

function toDeploymentSummary({ id, versions, message, createdAt }: Deployment): DeploymentSummary {
  return {
    id,
    shares: versions.map(({ version, percent }) => ({ version, percent })),
    message: message ?? undefined,
    createdAt,
  };
}

function toDomainSummary({ hostname, worker, verifiedAt, verificationToken }: Domain): DomainSummary {
  return { hostname, worker, verified: verifiedAt !== null, token: verificationToken };
}
