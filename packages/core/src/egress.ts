import { z } from "zod";

/** Where a worker may go. */
export interface EgressPolicy {
  /** Hosts (`api.example.com`) and all below one (`*.example.org`); undefined: every public host. */
  readonly allow?: readonly string[] | undefined;
}

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const pattern = new RegExp(`^(?:(?:\\*\\.)?${label}(?:\\.${label})*|[0-9a-f:.]+)$`);

/** The hosts a worker may ask, as its manifest lists them. */
export const egressAllowSchema = z
  .array(
    z
      .string()
      .max(253)
      .transform((text) => text.toLowerCase())
      .pipe(z.string().regex(pattern, 'is not a host such as "api.example.com" or "*.example.org"')),
  )
  .max(256);

/** Whether the policy lets the worker ask `host` (lower-case, without trailing dot or brackets). */
export function policyAllows({ allow }: EgressPolicy, host: string): boolean {
  return (
    allow === undefined ||
    allow.some((entry) => (entry.startsWith("*.") ? host.endsWith(entry.slice(1)) : host === entry))
  );
}
