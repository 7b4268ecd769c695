import type { components } from "@openworkers/client";

export type Scope = components["schemas"]["Scope"];

/** What a key's scopes speak of, as the pages call it. */
export const scopedResources = [
  ["workers", "Workers"],
  ["kv", "KV"],
  ["storage", "Storage"],
  ["databases", "Databases"],
  ["queues", "Queues"],
  ["crons", "Crons"],
  ["domains", "Domains"],
  ["logs", "Logs"],
  ["members", "Members"],
  ["keys", "API keys"],
  ["audit", "Audit log"],
] as const;

export const scopedActions = ["read", "write", "delete"] as const;

export type ScopedResource = (typeof scopedResources)[number][0];
export type ScopedAction = (typeof scopedActions)[number];

/** What `ow deploy` and a pipeline need. */
export const deployScopes: readonly Scope[] = [
  "workers:write",
  "kv:write",
  "storage:write",
  "databases:write",
  "queues:write",
  "crons:write",
  "domains:write",
  "logs:read",
];

export const readScopes: readonly Scope[] = scopedResources.map(([resource]) => `${resource}:read` as const);

/** Whether `scopes` let it be done: to write or to delete lets read. */
export function covers(scopes: ReadonlySet<Scope>, resource: ScopedResource, action: ScopedAction): boolean {
  if (scopes.has("*") || scopes.has(`${resource}:${action}`)) return true;
  return action === "read" && (scopes.has(`${resource}:write`) || scopes.has(`${resource}:delete`));
}

/** In few words: "everything", "workers: read, write". */
export function summaryOf(scopes: readonly string[]): string {
  if (scopes.includes("*")) return "everything";
  const byResource = new Map<string, string[]>();
  for (const scope of scopes) {
    const [resource = "", action = ""] = scope.split(":");
    byResource.set(resource, [...(byResource.get(resource) ?? []), action]);
  }
  return [...byResource].map(([resource, actions]) => `${resource} ${actions.join("+")}`).join(", ");
}
