import { createHash } from "node:crypto";
import { OpenWorkersError, type UserId } from "@openworkers/core";
import type { DatabaseAccess } from "@openworkers/db";

/** Somebody who has shown a credential of the platform's, and what it lets do. */
export interface Caller {
  readonly userId: UserId;
  /** `*`, or `<resource>:<action>`. */
  readonly scopes: readonly string[];
  /** The only account that the credential acts for; every one of the user's when null. */
  readonly accountId: UserId | null;
  readonly via: "session" | "key";
  /** Of the session or the key. */
  readonly credentialId: string;
  readonly expiresAt: Date | null;
}

/** What is to be done, to something of whose. */
export interface Deed {
  readonly owner: UserId;
  readonly resource:
    | "workers"
    | "kv"
    | "storage"
    | "databases"
    | "queues"
    | "crons"
    | "domains"
    | "logs"
    | "members"
    | "keys"
    | "audit";
  readonly action: "read" | "write" | "delete";
}

const resolveStatement = {
  name: "resolve_caller",
  text: `select user_id as "userId", scopes, account_id as "accountId", via, credential_id as "credentialId",
      expires_at as "expiresAt"
    from resolve_caller($1)`,
};
const mayStatement = {
  name: "accounts_may",
  text: "select $4::uuid = any (accounts_of($1, $2, $3, $5, $6)) as may",
};

/** Longer than any: what is no credential is not worth a hash. */
const maxCredentialLength = 512;

/**
 * Whom an API key or the token of a session is for, as the database has it now. `database` is the platform's, as the owner of
 * its tables.
 *
 * @throws OpenWorkersError UNAUTHORIZED, DATABASE_UNAVAILABLE
 */
export async function resolveCaller(database: DatabaseAccess, credential: string): Promise<Caller> {
  const caller =
    credential === "" || credential.length > maxCredentialLength
      ? undefined
      : (await database.prepared<Caller>(resolveStatement, [hashOf(credential)]))[0];
  if (caller === undefined) {
    throw new OpenWorkersError("UNAUTHORIZED", "The key or session is not good, or no longer.", {
      hint: "Sign in again: ow login",
    });
  }
  return caller;
}

/** Whether policies would let the caller do this. @throws OpenWorkersError DATABASE_UNAVAILABLE */
export async function callerMay(
  database: DatabaseAccess,
  { userId, accountId, scopes }: Pick<Caller, "userId" | "accountId" | "scopes">,
  { owner, resource, action }: Deed,
): Promise<boolean> {
  const rows = await database.prepared<{ may: boolean }>(mayStatement, [
    userId,
    accountId,
    scopes,
    owner,
    resource,
    action,
  ]);
  return rows[0]?.may === true;
}

function hashOf(credential: string): Uint8Array {
  return createHash("sha256").update(credential).digest();
}
