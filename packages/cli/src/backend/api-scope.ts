import type { ApiClient } from "@openworkers/client";
import { compact } from "./api-values.ts";

/** Where requests go, and whose things are meant. */
export interface ApiScope {
  readonly client: ApiClient;
  /** For the query of lists, and of what goes by its name: empty for the caller's own. */
  readonly account: { readonly account?: string };
}

export function apiScope(client: ApiClient, account: string | undefined): ApiScope {
  return { client, account: compact({ account }) };
}
