/** What an environment may bind, and how a resource of the kind is found and made. */
export interface BindableKind {
  readonly kind: "kv" | "storage" | "database" | "hyperdrive" | "queue" | "worker";
  readonly label: string;
  /** What the worker has under the name. */
  readonly what: string;
  /** The key of a binding that names the resource. */
  readonly key: "namespace" | "bucket" | "database" | "queue" | "worker";
  /** Of the API and of the dashboard alike. */
  readonly path: "kv" | "storage" | "databases" | "queues" | "workers";
  readonly noun: string;
  readonly canMake: boolean;
}

export const bindable: readonly BindableKind[] = [
  {
    ...{ kind: "kv", label: "KV namespace", key: "namespace", path: "kv", noun: "namespace", canMake: true },
    what: "Keys and values: get, put, list",
  },
  {
    ...{
      kind: "storage",
      label: "Storage bucket",
      key: "bucket",
      path: "storage",
      noun: "bucket",
      canMake: true,
    },
    what: "Objects of any size",
  },
  {
    ...{
      kind: "database",
      label: "Database",
      key: "database",
      path: "databases",
      noun: "database",
      canMake: true,
    },
    what: "SQL on a PostgreSQL database: prepare, query",
  },
  {
    ...{
      kind: "hyperdrive",
      label: "Database connection",
      key: "database",
      path: "databases",
      noun: "database",
      canMake: true,
    },
    what: "A connection string for drivers and ORMs",
  },
  {
    ...{ kind: "queue", label: "Queue producer", key: "queue", path: "queues", noun: "queue", canMake: true },
    what: "Sends messages to a queue",
  },
  {
    ...{ kind: "worker", label: "Worker", key: "worker", path: "workers", noun: "worker", canMake: false },
    what: "Another worker's fetch and methods",
  },
];

const others: Readonly<Record<string, string>> = {
  assets: "Static files",
  "version-metadata": "Version metadata",
  "rate-limit": "Rate limit",
  "platform-sql": "Platform",
  "platform-services": "Platform",
};

export function kindOf(kind: string): BindableKind | undefined {
  return bindable.find((each) => each.kind === kind);
}

export function labelOf(kind: string): string {
  return kindOf(kind)?.label ?? others[kind] ?? kind;
}
