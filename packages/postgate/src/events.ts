import type { ErrorCode } from "@openworkers/core";
import type { Principal } from "./tenant.ts";

/** Something that an operator may want to know of. Never holds SQL, values or tokens. */
export type PostgateEvent =
  /** A call that was refused, cancelled, or not to be done. `sqlstate` is PostgreSQL's reason. */
  | {
      readonly kind: "query-refused" | "query-cancelled" | "query-failed";
      readonly principal: Principal;
      readonly code: ErrorCode;
      readonly sqlstate?: string;
      readonly message: string;
    }
  /** No session could be had on a tenant's database. */
  | { readonly kind: "connect-failed"; readonly databaseId: string; readonly message: string }
  /** Somebody came with a token that is none. */
  | { readonly kind: "login-failed"; readonly address: string }
  /** A bug: what should not have been thrown. */
  | { readonly kind: "internal-error"; readonly error: unknown };

/** `worker shop on database "orders" (id)`, for a line of a log. */
export function describePrincipal({ tenant, scope, by }: Principal): string {
  const who =
    by.kind === "worker" ? `worker ${by.worker}` : by.kind === "token" ? `token ${by.name}` : "platform";
  return `${who} (${scope}) on database "${tenant.name}" (${tenant.id})`;
}
