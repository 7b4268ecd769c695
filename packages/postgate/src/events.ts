import { type ErrorCode, messageOf, type Report } from "@openworkers/core";
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

const said: Readonly<Record<Exclude<PostgateEvent["kind"], "internal-error">, string>> = {
  "query-refused": "A query was refused.",
  "query-cancelled": "A query was cancelled.",
  "query-failed": "A query could not be done.",
  "connect-failed": "A tenant's database could not be connected to.",
  "login-failed": "A token was refused.",
};

/** Tells the operator of an event: what happened, why, and whose doing it was. */
export function reportEvent(event: PostgateEvent, report: Report): void {
  if (event.kind === "internal-error") {
    report("Postgate met an error.", { error: messageOf(event.error) });
    return;
  }
  report(said[event.kind], detailsOf(event));
}

function detailsOf(event: Exclude<PostgateEvent, { kind: "internal-error" }>): Record<string, unknown> {
  if (event.kind === "login-failed") return { address: event.address };
  if (event.kind === "connect-failed") return { database: event.databaseId, error: event.message };
  const { principal, code, sqlstate, message } = event;
  const reason = sqlstate === undefined ? message : `${message} (${sqlstate})`;
  return { who: describePrincipal(principal), code, reason };
}
