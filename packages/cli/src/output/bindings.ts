import type { BoundName } from "@openworkers/core";

/** What a name is bound to, in a few words: `KV namespace shop-kv`. */
export function describeBinding({ kind, resource, entrypoint, settings }: BoundName): string {
  switch (kind) {
    case "kv":
      return `KV namespace ${resource}`;
    case "storage":
      return `bucket ${resource}`;
    case "database":
      return `database ${resource}`;
    case "hyperdrive":
      return `database ${resource}, by wire protocol`;
    case "queue":
      return `queue ${resource}`;
    case "worker":
      return `worker ${resource}${entrypoint === undefined ? "" : `, entrypoint ${entrypoint}`}`;
    case "rate-limit":
      return settings === undefined
        ? "rate limit"
        : `rate limit of ${settings.limit} in ${settings.periodSeconds} s`;
    case "version-metadata":
      return "version metadata";
    case "assets":
      return "static files";
    case "platform-sql":
      return "the platform's database";
    case "platform-services":
      return "the platform's services";
  }
}
