import { type Binding, newId, type WantedBinding } from "@openworkers/core";
import type { EnvironmentBinding } from "../backend/backend.ts";

/**
 * A binding of the shape that `wanted` will have, which leads nowhere: for a worker that is only started, and may be
 * before what it binds is there.
 */
export function placeholder(wanted: WantedBinding | Pick<EnvironmentBinding, "kind">): Binding {
  switch (wanted.kind) {
    case "kv":
      return { kind: wanted.kind, namespaceId: newId() };
    case "storage":
      return { kind: wanted.kind, bucketId: newId() };
    case "database":
    case "hyperdrive":
      return { kind: wanted.kind, databaseId: newId() };
    case "queue":
      return { kind: wanted.kind, queueId: newId() };
    case "worker":
      return { kind: wanted.kind, workerId: newId() };
    default:
      return wanted;
  }
}
