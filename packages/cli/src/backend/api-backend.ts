import type { ApiClient } from "@openworkers/client";
import type { WorkerId } from "@openworkers/core";
import { ApiCrons } from "./api-crons.ts";
import { ApiDatabases } from "./api-databases.ts";
import { ApiDomains } from "./api-domains.ts";
import { ApiEnvironment } from "./api-environment.ts";
import { ApiKvNamespaces } from "./api-kv.ts";
import { apiAudit } from "./api-logs.ts";
import { ApiQueues } from "./api-queues.ts";
import { type ApiScope, apiScope } from "./api-scope.ts";
import { ApiStorage } from "./api-storage.ts";
import { needsDirectAccess } from "./api-values.ts";
import { ApiWorkers } from "./api-workers.ts";
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
import type { KvNamespaceAccess, NamespaceSummary } from "./kv.ts";
import type { BucketAccess, BucketSummary, OwnS3 } from "./storage.ts";

export interface ApiBackendOptions {
  readonly client: ApiClient;
  /** Name of the organisation whose things are meant; the caller's own without. */
  readonly account?: string;
}

/** Acts on a platform through its API, as whoever the token is of. What only an operator may do is refused. */
export class ApiBackend implements Backend {
  readonly #scope: ApiScope;
  readonly #environment: ApiEnvironment;
  readonly #workers: ApiWorkers;
  readonly #kv: ApiKvNamespaces;
  readonly #domains: ApiDomains;
  readonly #storage: ApiStorage;
  readonly databases: ApiDatabases;
  readonly crons: ApiCrons;
  readonly queues: ApiQueues;

  constructor({ client, account }: ApiBackendOptions) {
    this.#scope = apiScope(client, account);
    this.#kv = new ApiKvNamespaces(this.#scope);
    this.#domains = new ApiDomains(this.#scope);
    this.#storage = new ApiStorage(this.#scope);
    this.databases = new ApiDatabases(this.#scope);
    this.crons = new ApiCrons(this.#scope);
    this.queues = new ApiQueues(this.#scope);
    this.#environment = new ApiEnvironment(client);
    this.#workers = new ApiWorkers(client, this.#environment, account);
  }

  deploy(input: DeployInput): Promise<Deployed> {
    return this.#workers.deploy(input);
  }

  missingAssets(hashes: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#workers.missingAssets(hashes);
  }

  uploadAssets(contents: ReadonlyMap<string, Uint8Array>): Promise<void> {
    return this.#workers.uploadAssets(contents);
  }

  workers(): Promise<WorkerSummary[]> {
    return this.#workers.list();
  }

  async worker(name: string): Promise<WorkerDetails> {
    const domains = await this.#domains.list(name);
    return await this.#workers.get(name, domains, await this.#domains.routes(name));
  }

  deleteWorker(name: string): Promise<void> {
    return this.#workers.delete(name);
  }

  versions(worker: string): Promise<VersionSummary[]> {
    return this.#workers.versions(worker);
  }

  deployments(worker: string): Promise<DeploymentSummary[]> {
    return this.#workers.deployments(worker);
  }

  createDeployment(worker: string, shares: readonly Share[], message?: string): Promise<DeploymentSummary> {
    return this.#workers.createDeployment(worker, shares, message);
  }

  values(worker: string, options: { readonly missingIsEmpty?: boolean } = {}): Promise<ValueSummary[]> {
    return this.#environment.values(worker, options);
  }

  setVars(worker: string, vars: ReadonlyMap<string, string>): Promise<void> {
    return this.#environment.set(worker, { vars });
  }

  setSecrets(worker: string, secrets: ReadonlyMap<string, string>): Promise<void> {
    return this.#environment.set(worker, { secrets });
  }

  unset(worker: string, kind: "var" | "secret", names: readonly string[]): Promise<string[]> {
    return this.#environment.unset(worker, kind, names);
  }

  bindings(worker: string, options: { readonly missingIsEmpty?: boolean } = {}): Promise<BindingSummary[]> {
    return this.#environment.bindings(worker, options);
  }

  addBindings(worker: string, bindings: ReadonlyMap<string, EnvironmentBinding>): Promise<void> {
    return this.#environment.bind(worker, bindings);
  }

  removeBindings(worker: string, names: readonly string[]): Promise<string[]> {
    return this.#environment.unbind(worker, names);
  }

  async rotateKey(): Promise<never> {
    throw needsDirectAccess("Making a new key for secrets");
  }

  workerId(worker: string): Promise<WorkerId> {
    return this.#workers.id(worker);
  }

  setLogRetention(worker: string, days: number | null): Promise<void> {
    return this.#workers.keepLogs(worker, days);
  }

  kvNamespaces(): Promise<NamespaceSummary[]> {
    return this.#kv.list();
  }

  createKvNamespace(name: string): Promise<NamespaceSummary> {
    return this.#kv.create(name);
  }

  deleteKvNamespace(nameOrId: string): Promise<void> {
    return this.#kv.delete(nameOrId);
  }

  kv(nameOrId: string): Promise<KvNamespaceAccess> {
    return this.#kv.open(nameOrId);
  }

  buckets(): Promise<BucketSummary[]> {
    return this.#storage.buckets();
  }

  createBucket(name: string, s3?: OwnS3): Promise<BucketSummary> {
    return this.#storage.create(name, s3);
  }

  deleteBucket(nameOrId: string): Promise<void> {
    return this.#storage.delete(nameOrId);
  }

  bucket(nameOrId: string): Promise<BucketAccess> {
    return this.#storage.open(nameOrId);
  }

  domains(worker?: string): Promise<DomainSummary[]> {
    return this.#domains.list(worker);
  }

  addDomain(worker: string, hostname: string): Promise<DomainSummary> {
    return this.#domains.add(worker, hostname);
  }

  verifyDomain(hostname: string, options: { readonly trust: boolean }): Promise<DomainSummary> {
    return this.#domains.verify(hostname, options);
  }

  removeDomain(hostname: string): Promise<void> {
    return this.#domains.remove(hostname);
  }

  async createLogToken(worker: WorkerId | undefined): Promise<string> {
    if (worker === undefined) throw needsDirectAccess("A token for everybody's logs");
    const { client } = this.#scope;
    const params = { path: { worker } };
    return (await client.data(client.api.POST("/v1/workers/{worker}/log-tokens", { params }))).token;
  }

  async createNamedLogToken(): Promise<never> {
    throw needsDirectAccess("A log token with a name");
  }

  async logTokens(): Promise<never> {
    throw needsDirectAccess("Listing log tokens");
  }

  async revokeLogToken(): Promise<never> {
    throw needsDirectAccess("Revoking a log token");
  }

  audit(limit: number): Promise<AuditEntry[]> {
    return apiAudit(this.#scope, limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
