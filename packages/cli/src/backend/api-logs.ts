import { itemsOf } from "@openworkers/client";
import type { ApiScope } from "./api-scope.ts";
import { dateOf } from "./api-values.ts";
import type { AuditEntry } from "./backend.ts";

/** An account's audit log, through the API. */
export async function apiAudit({ client, account }: ApiScope, limit: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  const read = (page: { readonly limit: number; readonly cursor?: string }) =>
    client.data(client.api.GET("/v1/audit", { params: { query: { ...page, ...account } } }));
  for await (const { at, user, action, subject, details } of itemsOf(read, Math.min(limit, 100))) {
    entries.push({ at: dateOf(at), user, action, subject, details });
    if (entries.length >= limit) break;
  }
  return entries;
}
