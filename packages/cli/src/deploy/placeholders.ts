import { type Binding, newId, type WantedBinding } from "@openworkers/core";

/**
 * A binding of the shape that `wanted` will have, which leads nowhere: for a worker that is only started, and may be
 * before what it binds is there.
 */
export function placeholder(wanted: WantedBinding | { readonly kind: "kv" | "storage" | "worker" }): Binding {
  switch (wanted.kind) {
    case "kv":
      return { kind: wanted.kind, namespaceId: newId() };
    case "storage":
      return { kind: wanted.kind, bucketId: newId() };
    case "worker":
      return { kind: wanted.kind, workerId: newId() };
    default:
      return wanted;
  }
}
