import type {
  BindingKind,
  BoundName,
  EgressPolicy,
  EnvValue,
  Limits,
  WantedBinding,
  WantedConsumer,
  WorkerCode,
  WorkerId,
} from "@openworkers/core";
import type { DeployAssets, NamedLogToken } from "@openworkers/db";
import type { CronsBackend } from "./crons.ts";
import type { DatabasesBackend } from "./databases.ts";
import type { KvNamespaceAccess, NamespaceSummary } from "./kv.ts";
import type { QueuesBackend } from "./queues.ts";
import type { BucketAccess, BucketSummary, OwnS3 } from "./storage.ts";

export interface DeployInput {
  readonly worker: string;
  readonly code: WorkerCode;
  /** What the manifest says; kept with the version. */
  readonly vars: ReadonlyMap<string, EnvValue>;
  /** Names of the exports that other workers can call, as a start of the worker found them. */
  readonly entrypoints?: readonly string[];
  /** Resources that are named there and not there yet are made, for the worker's owner. */
  readonly bindings: ReadonlyMap<string, WantedBinding>;
  /** The queues whose messages it takes, made when they are not there; absent: it keeps those it has. */
  readonly consumers?: readonly WantedConsumer[];
  readonly limits: Partial<Limits>;
  /** Where the version may go; every public host without. */
  readonly egress?: EgressPolicy;
  /** Static files, whose contents have been sent with `uploadAssets`. */
  readonly assets?: DeployAssets;
  /** Absent: the worker keeps those it has. */
  readonly routes?: readonly string[];
  readonly domains: readonly string[];
  /** Expressions of the manifest, instead of those of the manifest before; absent: the worker keeps those it has. */
  readonly crons?: readonly string[];
  /** Share of the requests that the new version gets; the rest stays with what was live. */
  readonly percent: number;
  readonly message?: string;
  /** Values set in the worker's environment before the version goes live, beside those that are there. */
  readonly environmentVars?: ReadonlyMap<string, string>;
  readonly environmentSecrets?: ReadonlyMap<string, string>;
}

export interface Deployed {
  readonly worker: string;
  readonly version: number;
  readonly deploymentId: string;
  /** What the manifest's names are bound to. */
  readonly bindings: readonly BoundName[];
}

export interface Share {
  readonly version: number;
  readonly percent: number;
}

export interface WorkerSummary {
  readonly worker: string;
  /** Versions of the live deployment. */
  readonly live: readonly Share[];
  readonly versions: number;
  readonly createdAt: Date;
  readonly deployedAt: Date | undefined;
}

export interface WorkerDetails extends WorkerSummary {
  readonly domains: readonly DomainSummary[];
  readonly routes: readonly string[];
  readonly limits: Limits;
  readonly environment: readonly ValueSummary[];
  readonly bindings: readonly BindingSummary[];
}

export interface VersionSummary {
  readonly version: number;
  readonly bytes: number;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly message: string | undefined;
  readonly createdAt: Date;
  /** Its share of the live deployment; 0 when it has none. */
  readonly percent: number;
}

export interface DeploymentSummary {
  readonly id: string;
  readonly shares: readonly Share[];
  readonly message: string | undefined;
  readonly createdAt: Date;
}

/** A value of a worker's environment. A secret's text never leaves the platform again. */
export interface ValueSummary {
  readonly name: string;
  readonly kind: "var" | "secret";
  /** Absent for a secret. */
  readonly value?: string;
  readonly updatedAt: Date;
}

/** What a name on a worker's `env` is bound to. */
export interface BindingSummary extends BoundName {
  /** Whether the worker's environment holds it, or the version that is live, as its manifest said. */
  readonly source: "environment" | "version";
}

/** A binding that a worker can be given without a deploy: to something that is there. */
export type EnvironmentBinding = Extract<
  WantedBinding,
  { readonly kind: (typeof environmentBindingKinds)[number] }
>;

const environmentBindingKinds = ["kv", "storage", "database", "hyperdrive", "queue", "worker"] as const;

/** Whether an environment may hold a binding of the kind. */
export function isEnvironmentBinding(kind: BindingKind): kind is EnvironmentBinding["kind"] {
  return (environmentBindingKinds as readonly BindingKind[]).includes(kind);
}

export interface DomainSummary {
  readonly hostname: string;
  readonly worker: string;
  readonly verified: boolean;
  /** What a TXT record at `_openworkers.<hostname>` must say. */
  readonly token: string;
}

export interface AuditEntry {
  readonly at: Date;
  readonly user: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * What the commands do to a platform. Direct SQL is one way (it repairs a platform whose API is down), the
 * API another; commands know neither. Every method throws OpenWorkersError: NOT_FOUND for a name that is not
 * there, DATABASE_UNAVAILABLE when the platform cannot be reached.
 */
export interface Backend extends AsyncDisposable {
  deploy(input: DeployInput): Promise<Deployed>;
  /** Those of these hashes (SHA-256) whose contents must be sent before a deploy may name them. */
  missingAssets(hashes: readonly string[]): Promise<ReadonlySet<string>>;
  /** Sends contents of static files by their hashes; some MiB at a time. */
  uploadAssets(contents: ReadonlyMap<string, Uint8Array>): Promise<void>;

  workers(): Promise<WorkerSummary[]>;
  worker(name: string): Promise<WorkerDetails>;
  deleteWorker(name: string): Promise<void>;

  /** Newest first. */
  versions(worker: string): Promise<VersionSummary[]>;
  /** Newest first; the first is live. */
  deployments(worker: string): Promise<DeploymentSummary[]>;
  /** Makes `shares` live; their percentages must add up to 100. */
  createDeployment(worker: string, shares: readonly Share[], message?: string): Promise<DeploymentSummary>;

  /** With `missingIsEmpty`, a worker that is not there yet has none, instead of NOT_FOUND. */
  values(worker: string, options?: { readonly missingIsEmpty?: boolean }): Promise<ValueSummary[]>;
  /** Sets vars, all of them or none. */
  setVars(worker: string, values: ReadonlyMap<string, string>): Promise<void>;
  /** Seals and sets secrets, all of them or none. */
  setSecrets(worker: string, values: ReadonlyMap<string, string>): Promise<void>;
  /** Removes values of one kind. Returns the names that were there. */
  unset(worker: string, kind: "var" | "secret", names: readonly string[]): Promise<string[]>;

  /** What the worker is bound to now; with `missingIsEmpty`, one that is not there yet to nothing. */
  bindings(worker: string, options?: { readonly missingIsEmpty?: boolean }): Promise<BindingSummary[]>;
  /** Binds names in the worker's environment, which goes before its manifest; all of them or none. */
  addBindings(worker: string, bindings: ReadonlyMap<string, EnvironmentBinding>): Promise<void>;
  /** Removes bindings from the worker's environment. Returns the names that were there. */
  removeBindings(worker: string, names: readonly string[]): Promise<string[]>;

  /** Replaces the key pair that secrets are sealed with. Returns how many values were sealed anew. */
  rotateKey(): Promise<{ readonly keyId: string; readonly values: number }>;

  /** By name. */
  kvNamespaces(): Promise<NamespaceSummary[]>;
  createKvNamespace(name: string): Promise<NamespaceSummary>;
  /** Refused, with the workers' names, while one binds it. */
  deleteKvNamespace(nameOrId: string): Promise<void>;
  /** What is in a namespace. */
  kv(nameOrId: string): Promise<KvNamespaceAccess>;

  /** By name. */
  buckets(): Promise<BucketSummary[]>;
  /** Made on the platform's store, or as one on a server of the user's. */
  createBucket(name: string, s3?: OwnS3): Promise<BucketSummary>;
  /** Refused, with the workers' names, while one binds it. Its objects go with it, but for those on a user's server. */
  deleteBucket(nameOrId: string): Promise<void>;
  /** What is in a bucket. */
  bucket(nameOrId: string): Promise<BucketAccess>;

  readonly databases: DatabasesBackend;

  readonly crons: CronsBackend;
  readonly queues: QueuesBackend;

  domains(worker?: string): Promise<DomainSummary[]>;
  addDomain(worker: string, hostname: string): Promise<DomainSummary>;
  /** `trust` skips the DNS lookup: an operator says that the domain is theirs. */
  verifyDomain(hostname: string, options: { readonly trust: boolean }): Promise<DomainSummary>;
  removeDomain(hostname: string): Promise<void>;

  workerId(worker: string): Promise<WorkerId>;
  /** A token that lets read a worker's logs, or everybody's without one, for an hour. */
  createLogToken(worker: WorkerId | undefined): Promise<string>;
  /** One for somebody else, by a name of the worker's. */
  createNamedLogToken(
    worker: string,
    token: { readonly name: string; readonly expiresAt: Date },
  ): Promise<string>;
  /** Those with a name that have not expired. */
  logTokens(worker: string): Promise<NamedLogToken[]>;
  revokeLogToken(worker: string, name: string): Promise<void>;
  /** Keeps a worker's logs for so many days, beside today; null for as long as the platform does. */
  setLogRetention(worker: string, days: number | null): Promise<void>;
  /** Newest first. */
  audit(limit: number): Promise<AuditEntry[]>;
}
