import { createHmac } from "node:crypto";
import type { Caller } from "./caller.ts";

/** One transaction of one connection. */
export interface SignedFor {
  /** PostgreSQL's process. */
  readonly backend: number;
  /** When the transaction began, as `now()` has it, in microseconds since 1970. */
  readonly beganUs: string;
}

/** A caller as policies are told of one: `caller_claims` in 0020_row_security.sql says what is what, and 0024 checks it. */
export function signCaller(key: Uint8Array, caller: Caller, { backend, beganUs }: SignedFor): string {
  const { userId, accountId, scopes, via, expiresAt } = caller;
  // A session's end is no limit of what its owner may do.
  const expires = via === "key" && expiresAt !== null ? Math.floor(expiresAt.getTime() / 1_000) : "";
  const claims = [backend, beganUs, userId, accountId ?? "", scopes.join(","), expires].join(".");
  return `${claims}.${createHmac("sha256", key).update(claims).digest("hex")}`;
}

/** The password of a login role: as good as the key that it comes of. */
export function rolePassword(key: Uint8Array, role: string): string {
  return createHmac("sha256", key).update(`password of ${role}`).digest("base64url");
}
