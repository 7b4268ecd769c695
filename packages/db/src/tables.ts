import type {
  ApiKeyId,
  AssetSettings,
  BindingKind,
  BucketId,
  Checksums,
  CronId,
  DatabaseId,
  DatabaseLimits,
  DatabaseScope,
  DatabaseTokenId,
  DeploymentId,
  EnvironmentId,
  EnvValue,
  EventOutcome,
  HttpMetadata,
  InvitationId,
  KvNamespaceId,
  LatePolicy,
  Limits,
  LogTokenId,
  Module,
  OverlapPolicy,
  PlatformFaceName,
  QueueContentType,
  QueueId,
  QueueMessageId,
  RateLimit,
  RequestId,
  ScheduledEventId,
  UserId,
  VersionId,
  WorkerId,
} from "@openworkers/core";
import type { ColumnType, Generated, GeneratedAlways, JSONColumnType } from "kysely";
import type { IdentityTables } from "./identity-tables.ts";

// What PostgreSQL sets when a row is inserted, and nobody changes.
type CreatedAt = ColumnType<Date, Date | undefined, never>;
type Fixed<T> = ColumnType<T, T, never>;
type Later<T> = ColumnType<T | null, T | null | undefined, T | null>;

/** The platform's tables as `migrations/` makes them, for Kysely. */
export interface Tables extends IdentityTables {
  users: {
    id: Fixed<UserId>;
    name: string;
    is_operator: Generated<boolean>;
    kind: ColumnType<UserKind, UserKind | undefined, never>;
    display_name: Later<string>;
    created_at: CreatedAt;
  };
  members: {
    organisation_id: Fixed<UserId>;
    user_id: Fixed<UserId>;
    role: MemberRole;
    created_at: CreatedAt;
  };
  invitations: {
    id: Fixed<InvitationId>;
    organisation_id: Fixed<UserId>;
    email: Fixed<string>;
    role: Exclude<MemberRole, "owner">;
    hash: Fixed<Uint8Array>;
    invited_by: Fixed<UserId>;
    created_at: CreatedAt;
    expires_at: Date;
  };
  api_keys: {
    id: Fixed<ApiKeyId>;
    user_id: Fixed<UserId>;
    /** The only account that it acts for; every one of the user's when null. */
    account_id: Fixed<UserId | null>;
    name: string;
    prefix: Fixed<string>;
    hash: Fixed<Uint8Array>;
    scopes: Fixed<string[]>;
    created_at: CreatedAt;
    expires_at: Fixed<Date | null>;
    last_used_at: Later<Date>;
  };
  idempotency_keys: {
    user_id: Fixed<UserId>;
    key: Fixed<string>;
    request_hash: Fixed<Uint8Array>;
    status: Fixed<number>;
    body: Fixed<string>;
    created_at: CreatedAt;
  };
  sealing_keys: {
    id: Fixed<string>;
    public_key: Fixed<Uint8Array>;
    created_at: CreatedAt;
    retired_at: Date | null;
  };
  environments: {
    id: Fixed<EnvironmentId>;
    owner_id: Fixed<UserId>;
    name: string;
    revision: Generated<number>;
    created_at: CreatedAt;
  };
  environment_values: {
    environment_id: Fixed<EnvironmentId>;
    owner_id: Fixed<UserId>;
    name: Fixed<string>;
    kind: "var" | "secret" | "kv" | "storage" | "database" | "hyperdrive" | "queue" | "worker";
    value: string | null;
    sealed: Uint8Array | null;
    key_id: string | null;
    updated_at: Generated<Date>;
  } & Resource;
  workers: {
    id: Fixed<WorkerId>;
    name: string;
    owner_id: Fixed<UserId>;
    environment_id: EnvironmentId | null;
    limits: Json<Partial<Limits>>;
    last_version: Generated<number>;
    /** Null for the platform's. */
    log_retention_days: ColumnType<number | null, number | null | undefined, number | null>;
    created_at: CreatedAt;
  };
  log_streams: { generation: GeneratedAlways<number>; created_ms: Fixed<number> };
  log_tokens: {
    id: Fixed<LogTokenId>;
    hash: Fixed<Uint8Array>;
    worker_id: Fixed<WorkerId | null>;
    owner_id: Fixed<UserId | null>;
    /** Null of those that `ow` makes for itself. */
    name: ColumnType<string | null, string | null | undefined, never>;
    created_by: Fixed<UserId>;
    created_at: CreatedAt;
    expires_at: Date;
  };
  blobs: { hash: Fixed<string>; content: Fixed<Uint8Array>; size: GeneratedAlways<number> };
  worker_versions: {
    id: Fixed<VersionId>;
    worker_id: Fixed<WorkerId>;
    number: Fixed<number>;
    compatibility_date: Fixed<string>;
    compatibility_flags: Fixed<string[]>;
    entrypoints: Fixed<string[] | null>;
    egress_allow: ColumnType<string[] | null, string[] | null | undefined, never>;
    vars: Json<Record<string, EnvValue>>;
    limits: Json<Partial<Limits>>;
    /** How its static files are served; null when it has none. */
    assets: ColumnType<AssetSettings | null, AssetSettings | null | undefined, never>;
    message: Fixed<string | null>;
    created_by: Fixed<UserId>;
    created_at: CreatedAt;
  };
  version_modules: {
    version_id: Fixed<VersionId>;
    position: Fixed<number>;
    name: Fixed<string>;
    type: Fixed<Module["type"]>;
    hash: Fixed<string>;
  };
  version_source_maps: { version_id: Fixed<VersionId>; module_name: Fixed<string>; hash: Fixed<string> };
  version_assets: {
    version_id: Fixed<VersionId>;
    path: Fixed<string>;
    hash: Fixed<string>;
    size: Fixed<number>;
    content_type: Fixed<string>;
  };
  blob_uploads: {
    user_id: Fixed<UserId>;
    hash: Fixed<string>;
    uploaded_at: ColumnType<Date, Date | undefined, Date>;
  };
  kv_namespaces: { id: Fixed<KvNamespaceId>; owner_id: Fixed<UserId>; name: string; created_at: CreatedAt };
  storage_buckets: {
    id: Fixed<BucketId>;
    owner_id: Fixed<UserId>;
    name: string;
    created_at: CreatedAt;
    backend: ColumnType<StorageBackend | null, StorageBackend | null | undefined, StorageBackend>;
    s3: ColumnType<S3Place | null, string | null | undefined, string | null>;
    s3_sealed: ColumnType<Uint8Array | null, Uint8Array | null | undefined, Uint8Array | null>;
    s3_key_id: ColumnType<string | null, string | null | undefined, string | null>;
  };
  storage_objects: {
    bucket_id: Fixed<BucketId>;
    key: Fixed<string>;
    version: Fixed<string>;
    size: Fixed<number>;
    etag: Fixed<string>;
    uploaded_at: Fixed<Date>;
    http_metadata: Fixed<HttpMetadata>;
    custom_metadata: Fixed<Readonly<Record<string, string>>>;
    checksums: Fixed<Checksums>;
    storage_class: Fixed<string>;
  };
  storage_uploads: {
    id: Fixed<string>;
    bucket_id: Fixed<BucketId>;
    key: Fixed<string>;
    http_metadata: Fixed<HttpMetadata>;
    custom_metadata: Fixed<Readonly<Record<string, string>>>;
    storage_class: Fixed<string>;
    state: Generated<"open" | "completed" | "aborted">;
    created_at: CreatedAt;
  };
  storage_blobs: {
    id: Fixed<string>;
    bucket_id: Fixed<BucketId | null>;
    chunk_bytes: Fixed<number>;
    size: ColumnType<number | null, number | null | undefined, number>;
    version: ColumnType<string | null, string | null | undefined, string | null>;
    position: ColumnType<number | null, number | null | undefined, number | null>;
    upload_id: ColumnType<string | null, string | null | undefined, string | null>;
    part_number: ColumnType<number | null, number | null | undefined, number | null>;
    etag: ColumnType<string | null, string | null | undefined, string | null>;
    touched_at: Generated<Date>;
  };
  storage_chunks: { blob_id: Fixed<string>; number: Fixed<number>; bytes: Fixed<Uint8Array> };
  databases: {
    id: Fixed<DatabaseId>;
    owner_id: Fixed<UserId>;
    name: string;
    created_at: CreatedAt;
    kind: ColumnType<DatabaseKind, DatabaseKind | undefined, DatabaseKind>;
    state: Generated<DatabaseState>;
    limits: Json<Partial<DatabaseLimits>>;
    sealed: ColumnType<Uint8Array | null, Uint8Array | null | undefined, Uint8Array | null>;
    key_id: ColumnType<string | null, string | null | undefined, string | null>;
    size_bytes: ColumnType<number | null, number | null | undefined, number>;
    measured_at: ColumnType<Date | null, Date | null | undefined, Date>;
    is_full: Generated<boolean>;
    forked_from: ColumnType<DatabaseId | null, DatabaseId | null | undefined, null>;
    keep_dump: Generated<boolean>;
    deletion_failure: ColumnType<string | null, never, string | null>;
  };
  database_tokens: {
    id: Fixed<DatabaseTokenId>;
    database_id: Fixed<DatabaseId>;
    name: string;
    scope: DatabaseScope;
    hash: Fixed<Uint8Array>;
    created_by: Fixed<UserId>;
    created_at: CreatedAt;
    expires_at: Date | null;
    last_used_at: ColumnType<Date | null, Date | null | undefined, Date>;
  };
  database_dumps: {
    id: Fixed<DatabaseId>;
    owner_id: Fixed<UserId>;
    database_name: Fixed<string>;
    host: Fixed<string>;
    path: Fixed<string>;
    size_bytes: Fixed<number>;
    created_at: CreatedAt;
    expires_at: Date;
  };
  version_bindings: {
    version_id: Fixed<VersionId>;
    worker_id: Fixed<WorkerId>;
    owner_id: Fixed<UserId>;
    name: Fixed<string>;
    kind: Fixed<BindingKind>;
    settings: ColumnType<RateLimit | null, RateLimit | null | undefined, never>;
    delivery_delay: ColumnType<number | null, number | null | undefined, never>;
    face: ColumnType<PlatformFaceName | null, PlatformFaceName | null | undefined, never>;
  } & Resource;
  system_workers: {
    name: Fixed<string>;
    worker_id: WorkerId | null;
    version_id: VersionId | null;
    built_from: string;
    deployed_at: Generated<Date>;
  };
  queues: {
    id: Fixed<QueueId>;
    owner_id: Fixed<UserId>;
    name: string;
    created_at: CreatedAt;
    paused: Generated<boolean>;
  };
  queue_consumers: {
    queue_id: Fixed<QueueId>;
    owner_id: Fixed<UserId>;
    worker_id: WorkerId;
    max_batch_size: number;
    max_batch_timeout: number;
    max_retries: number;
    retry_delay: number;
    max_concurrency: number | null;
    dead_letter_queue_id: QueueId | null;
    from_manifest: boolean;
    created_at: CreatedAt;
  };
  queue_delays: {
    queue_id: Fixed<QueueId>;
    message_id: Fixed<QueueMessageId>;
    attempts: Fixed<number>;
    due_at: Fixed<Date>;
    sent_at: Fixed<Date>;
    content_type: Fixed<QueueContentType>;
    body: Fixed<Uint8Array>;
  };
  queue_purges: { queue_id: Fixed<QueueId>; requested_at: Generated<Date> };
  deployments: {
    id: Fixed<DeploymentId>;
    sequence: GeneratedAlways<number>;
    worker_id: Fixed<WorkerId>;
    message: Fixed<string | null>;
    created_by: Fixed<UserId>;
    created_at: CreatedAt;
  };
  deployment_versions: {
    deployment_id: Fixed<DeploymentId>;
    version_id: Fixed<VersionId>;
    worker_id: Fixed<WorkerId>;
    percent: Fixed<number>;
  };
  domains: {
    hostname: Fixed<string>;
    worker_id: Fixed<WorkerId>;
    verification_token: Fixed<string>;
    verified_at: Date | null;
    created_at: CreatedAt;
  };
  routes: {
    pattern: Fixed<string>;
    worker_id: Fixed<WorkerId>;
    /** The verified domain it rests on; null when an operator gave it. */
    domain: Fixed<string | null>;
    /** The worker whose domain that is; the database sets it. */
    domain_worker_id: ColumnType<WorkerId | null, never, never>;
    created_at: CreatedAt;
  };
  crons: {
    id: Fixed<CronId>;
    worker_id: Fixed<WorkerId>;
    expression: Fixed<string>;
    timezone: Fixed<string>;
    source: CronSource;
    paused: Generated<boolean>;
    retries: number;
    retry_delay_ms: number;
    late: LatePolicy;
    late_cap: number;
    overlap: OverlapPolicy;
    wall_ms: number;
    next_due: Date | null;
    problem: ColumnType<string | null, string | null | undefined, string | null>;
    created_at: CreatedAt;
  };
  scheduled_events: {
    id: Fixed<ScheduledEventId>;
    worker_id: Fixed<WorkerId>;
    cron_id: CronId | null;
    cron: Fixed<string>;
    due_at: Fixed<Date>;
    manual: Generated<boolean>;
    state: ScheduledEventState;
    reason: ColumnType<SkipReason | null, SkipReason | null | undefined, SkipReason | null>;
    missed: Generated<number>;
    attempt: Generated<number>;
    wall_ms: Fixed<number>;
    publish_at: Date;
    claimed_by: Later<string>;
    claimed_until: Later<Date>;
    published_at: Later<Date>;
    bus_stream: Later<number>;
    bus_seq: Later<number>;
    request_id: Later<RequestId>;
    started_at: Later<Date>;
    finished_at: Later<Date>;
    duration_ms: Later<number>;
    cpu_ms: Later<number>;
    outcome: Later<EventOutcome>;
    error: Later<string>;
    redelivered: Generated<boolean>;
  };
  audit_log: {
    id: GeneratedAlways<number>;
    at: CreatedAt;
    user_id: Fixed<UserId>;
    /** Whose admins may read it; the user's own unless said. */
    account_id: ColumnType<UserId, UserId | undefined, never>;
    action: Fixed<string>;
    subject: Fixed<string>;
    details: Json<Record<string, unknown>>;
  };
}

/** What a binding points at: one of the ids is there, as its kind says. */
interface Resource {
  kv_namespace_id: ColumnType<KvNamespaceId | null, KvNamespaceId | null | undefined, KvNamespaceId | null>;
  bucket_id: ColumnType<BucketId | null, BucketId | null | undefined, BucketId | null>;
  database_id: ColumnType<DatabaseId | null, DatabaseId | null | undefined, DatabaseId | null>;
  queue_id: ColumnType<QueueId | null, QueueId | null | undefined, QueueId | null>;
  target_worker_id: ColumnType<WorkerId | null, WorkerId | null | undefined, WorkerId | null>;
  entrypoint: ColumnType<string | null, string | null | undefined, string | null>;
  /** Any JSON value; written as its text. */
  props: ColumnType<unknown, string | null | undefined, string | null>;
}

/** An organisation owns as a person does, and cannot sign in; a system's workers are the platform's own. */
export type UserKind = "person" | "organisation" | "system";
/** What a person may do in an organisation: docs/decisions/018-api.md. */
export type MemberRole = "owner" | "admin" | "developer" | "viewer";

/** Whether a manifest says that there is a cron, or a user. */
export type CronSource = "manifest" | "user";
/** How far a due time has come; `skipped` is not to run, for a reason. */
export type ScheduledEventState = "waiting" | "published" | "finished" | "skipped";
export type SkipReason = "late" | "overlap" | "backlog" | "paused" | "removed";

/** Whether a database is on the tenants' server or on one of its owner's. */
export type DatabaseKind = "platform" | "external";
/** How far its life has come: a wanted one is made by whoever needs it first. */
export type DatabaseState = "wanted" | "ready" | "deleting";

/** Where a bucket's objects are. */
export type StorageBackend = "database" | "platform-s3" | "own-s3";

/** Where a user's own bucket is. */
export interface S3Place {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** Before every key; empty, or ending in a slash. */
  readonly prefix: string;
}

/** A jsonb column: an object both ways; the driver turns it into text. */
type Json<T extends object> = JSONColumnType<T, T | undefined, T>;
