import { createHash } from "node:crypto";
import { type LogTokenId, newId, OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import type { StoreDatabase } from "../database.ts";

/** Whose logs a token lets read. */
export type LogScope =
  | { readonly kind: "worker"; readonly workerId: WorkerId }
  /** Of all workers that the user owns, now and later. */
  | { readonly kind: "owner"; readonly ownerId: UserId }
  | { readonly kind: "all" };

export interface LogGrant {
  readonly id: LogTokenId;
  readonly scope: LogScope;
  readonly expiresAt: Date;
}

const prefix = "owlt_";
/** 256 random bits in base64url, and before them what secret scanners know it by. */
const form = /^owlt_[A-Za-z0-9_-]{43}$/;

/**
 * Makes a token that lets read logs over HTTP until it expires, and returns its text, which cannot be had again.
 *
 * @throws OpenWorkersError INVALID_INPUT (it would have expired already), CONFLICT (the worker or user is gone),
 * DATABASE_UNAVAILABLE
 */
export async function createLogToken(
  database: StoreDatabase,
  { scope, expiresAt, by }: { readonly scope: LogScope; readonly expiresAt: Date; readonly by: UserId },
): Promise<string> {
  if (!(expiresAt.getTime() > Date.now())) {
    throw new OpenWorkersError("INVALID_INPUT", "A token expires in the future.");
  }
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const token = prefix + secret.toBase64({ alphabet: "base64url", omitPadding: true });
  await database.write((transaction) =>
    transaction
      .insertInto("log_tokens")
      .values({
        id: newId<"log-token">(),
        hash: hashOf(token),
        worker_id: scope.kind === "worker" ? scope.workerId : null,
        owner_id: scope.kind === "owner" ? scope.ownerId : null,
        created_by: by,
        expires_at: expiresAt,
      })
      .execute(),
  );
  return token;
}

/** What a token is good for; undefined when there is none such, or no longer. */
export async function findLogToken(database: StoreDatabase, token: string): Promise<LogGrant | undefined> {
  if (!form.test(token)) return undefined;
  const row = await database.read((queries) =>
    queries
      .selectFrom("log_tokens")
      .select(["id", "worker_id", "owner_id", "expires_at"])
      .where("hash", "=", hashOf(token))
      .where("expires_at", ">", new Date())
      .executeTakeFirst(),
  );
  if (row === undefined) return undefined;
  return { id: row.id, scope: scopeOf(row.worker_id, row.owner_id), expiresAt: row.expires_at };
}

function scopeOf(workerId: WorkerId | null, ownerId: UserId | null): LogScope {
  if (workerId !== null) return { kind: "worker", workerId };
  return ownerId === null ? { kind: "all" } : { kind: "owner", ownerId };
}

function hashOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
