import {
  OpenWorkersError,
  queueConsumerSettings,
  type WantedBinding,
  type WantedConsumer,
} from "@openworkers/core";
import type { z } from "zod";
import { type bindingKeys, rateLimitEntry } from "./binding-keys.ts";
import { isEmpty } from "./keys.ts";
import type { ManifestSection } from "./schema.ts";

export interface ManifestBindings {
  /** By the name on `env`. */
  readonly bindings: ReadonlyMap<string, WantedBinding>;
  readonly warnings: readonly string[];
}

/** An entry of a manifest's list: a binding, and the key it stands under. */
interface Entry {
  readonly key: string;
  readonly name: string;
  readonly binding: WantedBinding;
}

/**
 * What a manifest's section binds; `assets` is the name that the static files are given.
 *
 * @throws OpenWorkersError INVALID_MANIFEST when one name is given to two things
 */
export function readBindings(manifest: ManifestSection, assets?: string): ManifestBindings {
  const keys = new Map(Object.keys(manifest.vars ?? {}).map((name) => [name, "vars"]));
  const bindings = new Map<string, WantedBinding>();
  for (const { key, name, binding } of entriesOf(manifest, assets)) {
    const taken = keys.get(name);
    if (taken !== undefined) {
      const where = taken === key ? `twice in ${key}` : `in ${taken} and in ${key}`;
      throw new OpenWorkersError("INVALID_MANIFEST", `${name} is ${where}; a name on env is one thing.`, {
        hint: "Give one of them another name.",
      });
    }
    keys.set(name, key);
    bindings.set(name, binding);
  }
  return { bindings, warnings: entryWarnings(manifest) };
}

function entriesOf(manifest: ManifestSection, assets: string | undefined): Entry[] {
  const { kv_namespaces, r2_buckets, d1_databases, hyperdrive, queues, services, version_metadata } =
    manifest;
  return [
    ...(kv_namespaces ?? []).map(
      ({ binding, id }): Entry => ({
        key: "kv_namespaces",
        name: binding,
        binding: { kind: "kv", namespace: id },
      }),
    ),
    ...(r2_buckets ?? []).map(
      ({ binding, bucket_name }): Entry => ({
        key: "r2_buckets",
        name: binding,
        binding: { kind: "storage", bucket: bucket_name },
      }),
    ),
    ...(d1_databases ?? []).map(
      ({ binding, database_name, database_id }): Entry => ({
        key: "d1_databases",
        name: binding,
        // The id is Cloudflare's where there is a name as well.
        binding: { kind: "database", database: database_name ?? database_id },
      }),
    ),
    ...(hyperdrive ?? []).map(
      ({ binding, id }): Entry => ({
        key: "hyperdrive",
        name: binding,
        // As tutorials have it: <YOUR_HYPERDRIVE_ID>. No database can be called so.
        binding: { kind: "hyperdrive", database: id?.startsWith("<") ? undefined : id },
      }),
    ),
    ...(queues?.producers ?? []).map(
      ({ binding, queue, delivery_delay }): Entry => ({
        key: "queues.producers",
        name: binding,
        binding: { kind: "queue", queue, deliveryDelay: delivery_delay },
      }),
    ),
    ...(services ?? []).map(
      ({ binding, service, entrypoint, props }): Entry => ({
        key: "services",
        name: binding,
        binding: {
          kind: "worker",
          worker: service,
          // wrangler's word for the default export.
          entrypoint: entrypoint === "default" ? undefined : entrypoint,
          props: props === undefined ? undefined : JSON.stringify(props),
        },
      }),
    ),
    ...rateLimits(manifest),
    ...(assets === undefined
      ? []
      : [{ key: "assets", name: assets, binding: { kind: "assets" } } satisfies Entry]),
    ...(version_metadata === undefined
      ? []
      : [
          {
            key: "version_metadata",
            name: version_metadata.binding,
            binding: { kind: "version-metadata" },
          } satisfies Entry,
        ]),
  ];
}

function rateLimits({ ratelimits, unsafe }: ManifestSection): Entry[] {
  const toEntry =
    (key: string) =>
    ({ name, namespace_id, simple }: z.infer<typeof rateLimitEntry>): Entry => ({
      key,
      name,
      binding: {
        kind: "rate-limit",
        settings: { namespace: namespace_id, limit: simple.limit, periodSeconds: simple.period },
      },
    });
  const old = (unsafe?.bindings ?? [])
    .filter(({ type }) => type === "ratelimit")
    .map((entry) => rateLimitEntry.parse(entry));
  return [...(ratelimits ?? []).map(toEntry("ratelimits")), ...old.map(toEntry("unsafe.bindings"))];
}

/** Keys of an entry that are read, or whose wish is met anyway. */
const known: Readonly<
  Record<Exclude<keyof typeof bindingKeys, "queues" | "unsafe" | "version_metadata">, Set<string>>
> = {
  kv_namespaces: new Set(["binding", "id", "preview_id", "remote"]),
  r2_buckets: new Set(["binding", "bucket_name", "preview_bucket_name", "remote"]),
  d1_databases: new Set([
    "binding",
    "database_name",
    "database_id",
    "preview_database_id",
    "migrations_dir",
    "migrations_table",
    "remote",
  ]),
  hyperdrive: new Set(["binding", "id"]),
  services: new Set(["binding", "service", "entrypoint", "props", "remote"]),
  ratelimits: new Set(["name", "namespace_id", "simple"]),
};

const knownOfQueues: Readonly<Record<string, Set<string>>> = {
  producers: new Set(["binding", "queue", "delivery_delay", "remote"]),
  consumers: new Set([
    "queue",
    "max_batch_size",
    "max_batch_timeout",
    "max_retries",
    "retry_delay",
    "max_concurrency",
    "dead_letter_queue",
    "type",
  ]),
};

function entryWarnings(manifest: ManifestSection): string[] {
  const all = [
    ...Object.entries(known).map(([key, names]) => [key, manifest[key], names] as const),
    ...Object.entries(knownOfQueues).map(
      ([key, names]) => [`queues.${key}`, manifest.queues?.[key], names] as const,
    ),
  ];
  const lists = all.flatMap(([key, entries, names]) => {
    const used = Array.isArray(entries) ? entries.flatMap((entry) => Object.keys(entry)) : [];
    return [...new Set(used)]
      .filter((name) => !names.has(name))
      .map((name) => `${name} of ${key} has no effect.`);
  });
  const pulled = (manifest.queues?.consumers ?? []).filter(
    ({ type }) => type !== undefined && type !== "worker",
  );
  const { bindings = [], ...others } = manifest.unsafe ?? {};
  const unknown = bindings.filter(({ type }) => type !== "ratelimit").map(({ name }) => name);
  return [
    ...lists,
    ...pulled.map(
      ({ queue, type }) =>
        `The consumer of ${queue} is of the type ${type}, which there is not: this worker takes its messages.`,
    ),
    ...unknown.map((name) => `${name} of unsafe.bindings is not supported; the worker runs without it.`),
    ...Object.keys(others)
      .filter((key) => !isEmpty(others[key]))
      .map((key) => `unsafe.${key} is not supported; the worker runs without it.`),
  ];
}

/**
 * The queues that a manifest's section has the worker take the messages of.
 *
 * @throws OpenWorkersError INVALID_MANIFEST when a queue is there twice, or is its own dead-letter queue
 */
export function readConsumers({ queues }: ManifestSection): WantedConsumer[] {
  const consumers = (queues?.consumers ?? []).map((entry): WantedConsumer => {
    const { queue } = entry;
    if (entry.dead_letter_queue === queue) {
      throw new OpenWorkersError("INVALID_MANIFEST", `The queue ${queue} is its own dead_letter_queue.`, {
        hint: "Name another queue: a deploy makes it.",
      });
    }
    return {
      queue,
      settings: queueConsumerSettings({
        maxBatchSize: entry.max_batch_size,
        maxBatchTimeout: entry.max_batch_timeout,
        maxRetries: entry.max_retries,
        retryDelay: entry.retry_delay,
        maxConcurrency: entry.max_concurrency ?? undefined,
        deadLetterQueue: entry.dead_letter_queue,
      }),
    };
  });
  const twice = consumers.find(
    ({ queue }, index) => consumers.findIndex((other) => other.queue === queue) < index,
  );
  if (twice === undefined) return consumers;
  throw new OpenWorkersError("INVALID_MANIFEST", `The queue ${twice.queue} is twice in queues.consumers.`);
}

/** A database of the manifest's that has migrations, or may have. */
export interface ProjectDatabase {
  /** The name on `env`. */
  readonly binding: string;
  /** Name or id; without, what the binding leads to is known to the platform alone. */
  readonly database?: string;
  /** Relative to the manifest's folder. */
  readonly migrationsDir: string;
  readonly migrationsTable: string;
}

/** wrangler's names for them. */
export const defaultMigrations = { migrationsDir: "migrations", migrationsTable: "d1_migrations" } as const;

export function readDatabases({ d1_databases }: ManifestSection): ProjectDatabase[] {
  return (d1_databases ?? []).map(
    ({ binding, database_name, database_id, migrations_dir, migrations_table }) => {
      const database = database_name ?? database_id;
      return {
        binding,
        ...(database === undefined ? {} : { database }),
        migrationsDir: migrations_dir ?? defaultMigrations.migrationsDir,
        migrationsTable: migrations_table ?? defaultMigrations.migrationsTable,
      };
    },
  );
}
