import type { ApiClient } from "@openworkers/client";
import { OpenWorkersError, type WorkerId } from "@openworkers/core";
import { ApiEnvironment } from "./api-environment.ts";
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
import type { CronsBackend } from "./crons.ts";
import type { DatabasesBackend } from "./databases.ts";
import type { KvNamespaceAccess, NamespaceSummary } from "./kv.ts";
import type { QueuesBackend } from "./queues.ts";
import type { BucketAccess, BucketSummary, OwnS3 } from "./storage.ts";

export interface ApiBackendOptions {
  readonly client: ApiClient;
  /** Name of the organisation whose things are meant; the caller's own without. */
  readonly account?: string;
}

/** Acts on a platform through its API, as whoever the token is of. What only an operator may do is refused. */
export class ApiBackend implements Backend {
  readonly #environment: ApiEnvironment;
  readonly #workers: ApiWorkers;

  constructor({ client, account }: ApiBackendOptions) {
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

  worker(name: string): Promise<WorkerDetails> {
    return this.#workers.get(name, [], []);
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

  get databases(): DatabasesBackend {
    throw unserved("databases");
  }

  get crons(): CronsBackend {
    throw unserved("crons");
  }

  get queues(): QueuesBackend {
    throw unserved("queues");
  }

  async kvNamespaces(): Promise<NamespaceSummary[]> {
    throw unserved("KV namespaces");
  }

  async createKvNamespace(_: string): Promise<NamespaceSummary> {
    throw unserved("KV namespaces");
  }

  async deleteKvNamespace(_: string): Promise<void> {
    throw unserved("KV namespaces");
  }

  async kv(_: string): Promise<KvNamespaceAccess> {
    throw unserved("KV namespaces");
  }

  async buckets(): Promise<BucketSummary[]> {
    throw unserved("buckets");
  }

  async createBucket(_: string, _s3?: OwnS3): Promise<BucketSummary> {
    throw unserved("buckets");
  }

  async deleteBucket(_: string): Promise<void> {
    throw unserved("buckets");
  }

  async bucket(_: string): Promise<BucketAccess> {
    throw unserved("buckets");
  }

  async domains(_?: string): Promise<DomainSummary[]> {
    throw unserved("domains");
  }

  async addDomain(_: string, _hostname: string): Promise<DomainSummary> {
    throw unserved("domains");
  }

  async verifyDomain(_: string, _options: { readonly trust: boolean }): Promise<DomainSummary> {
    throw unserved("domains");
  }

  async removeDomain(_: string): Promise<void> {
    throw unserved("domains");
  }

  async createLogToken(_: WorkerId | undefined): Promise<string> {
    throw unserved("logs");
  }

  async audit(_: number): Promise<AuditEntry[]> {
    throw unserved("the audit log");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function unserved(what: string): OpenWorkersError {
  return new OpenWorkersError("NOT_FOUND", `The API does not serve ${what} yet.`);
}
