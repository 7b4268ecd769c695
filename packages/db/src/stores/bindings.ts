import type {
  Binding,
  BindingKind,
  BucketId,
  DatabaseId,
  KvNamespaceId,
  PlatformFaceName,
  QueueId,
  RateLimit,
  UserId,
  VersionId,
  WorkerId,
} from "@openworkers/core";
import type { Queries } from "../database.ts";

/** A row of `version_bindings`, or of `environment_values`, as far as it is about a resource. */
export interface BindingRow {
  readonly kind: BindingKind | "var" | "secret";
  readonly kv_namespace_id: KvNamespaceId | null;
  readonly bucket_id: BucketId | null;
  readonly database_id: DatabaseId | null;
  readonly queue_id: QueueId | null;
  readonly target_worker_id: WorkerId | null;
  readonly entrypoint: string | null;
  readonly props: unknown;
  readonly settings: RateLimit | null;
  readonly delivery_delay: number | null;
  readonly face: PlatformFaceName | null;
}

const none = {
  kv_namespace_id: null,
  bucket_id: null,
  database_id: null,
  queue_id: null,
  target_worker_id: null,
  entrypoint: null,
  props: null,
  settings: null,
  delivery_delay: null,
  face: null,
};

/** The binding in a row; undefined when the row is a value's. */
export function storedBinding(row: BindingRow): Binding | undefined {
  switch (row.kind) {
    case "kv":
      return row.kv_namespace_id === null ? undefined : { kind: row.kind, namespaceId: row.kv_namespace_id };
    case "storage":
      return row.bucket_id === null ? undefined : { kind: row.kind, bucketId: row.bucket_id };
    case "database":
    case "hyperdrive":
      return row.database_id === null ? undefined : { kind: row.kind, databaseId: row.database_id };
    case "queue":
      return row.queue_id === null
        ? undefined
        : { kind: row.kind, queueId: row.queue_id, deliveryDelay: row.delivery_delay ?? undefined };
    case "worker":
      return row.target_worker_id === null
        ? undefined
        : {
            kind: row.kind,
            workerId: row.target_worker_id,
            entrypoint: row.entrypoint ?? undefined,
            props: row.props === null ? undefined : JSON.stringify(row.props),
          };
    case "rate-limit":
      return row.settings === null ? undefined : { kind: row.kind, settings: row.settings };
    case "assets":
    case "version-metadata":
    case "platform-services":
      return { kind: row.kind };
    case "platform-sql":
      return row.face === null ? undefined : { kind: row.kind, face: row.face };
    default:
      return undefined;
  }
}

/** The columns of a binding: the other way round from `storedBinding`. `props` is JSON text, as it is inserted. */
export function bindingColumns(binding: Binding): Omit<BindingRow, "kind" | "props"> & {
  kind: BindingKind;
  props: string | null;
} {
  const { kind } = binding;
  switch (kind) {
    case "kv":
      return { ...none, kind, kv_namespace_id: binding.namespaceId };
    case "storage":
      return { ...none, kind, bucket_id: binding.bucketId };
    case "database":
    case "hyperdrive":
      return { ...none, kind, database_id: binding.databaseId };
    case "queue":
      return {
        ...none,
        kind,
        queue_id: binding.queueId,
        delivery_delay: binding.deliveryDelay ?? null,
      };
    case "worker":
      return {
        ...none,
        kind,
        target_worker_id: binding.workerId,
        entrypoint: binding.entrypoint ?? null,
        props: binding.props ?? null,
      };
    case "rate-limit":
      return { ...none, kind, settings: binding.settings };
    case "platform-sql":
      return { ...none, kind, face: binding.face };
    default:
      return { ...none, kind };
  }
}

/** What the manifest of a version bound, by name. */
export async function versionBindings(queries: Queries, versionId: VersionId): Promise<Map<string, Binding>> {
  const rows = await queries
    .selectFrom("version_bindings")
    .selectAll()
    .where("version_id", "=", versionId)
    .orderBy("name")
    .execute();
  return new Map(
    rows.flatMap((row) => {
      const binding = storedBinding(row);
      return binding === undefined ? [] : [[row.name, binding] as const];
    }),
  );
}

/**
 * Stores a new version's bindings, in the version's own transaction. The database refuses a resource that is not
 * the worker's owner's (foreign key `version_bindings_kv`, `…_bucket`, `…_database`, `…_target`).
 */
export async function insertVersionBindings(
  transaction: Queries,
  version: { readonly id: VersionId; readonly workerId: WorkerId; readonly ownerId: UserId },
  bindings: ReadonlyMap<string, Binding>,
): Promise<void> {
  if (bindings.size === 0) return;
  await transaction
    .insertInto("version_bindings")
    .values(
      [...bindings].map(([name, binding]) => ({
        version_id: version.id,
        worker_id: version.workerId,
        owner_id: version.ownerId,
        name,
        ...bindingColumns(binding),
      })),
    )
    .execute();
}
