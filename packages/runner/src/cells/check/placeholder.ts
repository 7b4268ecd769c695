import { type Binding, type BindingKind, newId } from "@openworkers/core";

/** A binding of the kind which leads nowhere: for a worker that is only started, and may be before what it binds is there. */
export function placeholder(kind: BindingKind): Binding {
  switch (kind) {
    case "kv":
      return { kind, namespaceId: newId() };
    case "storage":
      return { kind, bucketId: newId() };
    case "database":
    case "hyperdrive":
      return { kind, databaseId: newId() };
    case "queue":
      return { kind, queueId: newId() };
    case "worker":
      return { kind, workerId: newId() };
    case "rate-limit":
      return { kind, settings: { namespace: "none", limit: 1, periodSeconds: 60 } };
    case "platform-sql":
      return { kind, face: "api" };
    default:
      return { kind };
  }
}
