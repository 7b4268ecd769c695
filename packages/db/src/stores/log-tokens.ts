import { createHash } from "node:crypto";
import { type LogTokenId, newId, OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { errorCode } from "../faults.ts";
import { audit } from "./audit.ts";
import { lockOwnedWorker, workerNamed } from "./workers.ts";

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

const maxNameLength = 100;
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
  return await database.write((transaction) => insertToken(transaction, { scope, expiresAt, by }));
}

/** A token for somebody who is no user here, as it is listed. */
export interface NamedLogToken {
  readonly name: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/**
 * The same for one worker's logs, under a name of the worker's by which it can be revoked.
 *
 * @throws OpenWorkersError INVALID_INPUT, NOT_FOUND, FORBIDDEN, CONFLICT when the worker has a token of that name
 */
export async function createNamedLogToken(
  database: StoreDatabase,
  given: { readonly worker: string; readonly name: string; readonly expiresAt: Date; readonly by: UserId },
): Promise<string> {
  const { worker, name, expiresAt, by } = given;
  if (name.trim() === "" || name.length > maxNameLength) {
    throw new OpenWorkersError("INVALID_INPUT", `A token's name has 1 to ${maxNameLength} characters.`, {
      field: "name",
    });
  }
  return await database.write(async (transaction) => {
    const { id: workerId } = await lockOwnedWorker(transaction, worker, by);
    // One that has expired is listed no more, and is not in anybody's way.
    await transaction
      .deleteFrom("log_tokens")
      .where("worker_id", "=", workerId)
      .where("name", "=", name)
      .where("expires_at", "<=", new Date())
      .execute();
    try {
      const scope = { kind: "worker", workerId } as const;
      const token = await insertToken(transaction, { scope, expiresAt, by, name });
      await audit(transaction, by, "log_token.create", worker, { name, expiresAt });
      return token;
    } catch (thrown) {
      if (errorCode(thrown) !== "23505") throw thrown;
      throw new OpenWorkersError("CONFLICT", `${worker} has a token "${name}" already.`, { cause: thrown });
    }
  });
}

/** A worker's named tokens that have not expired, by name. @throws OpenWorkersError NOT_FOUND */
export async function listLogTokens(database: StoreDatabase, worker: string): Promise<NamedLogToken[]> {
  return await database.read(async (queries) => {
    const workerId = await workerNamed(queries, worker);
    const rows = await queries
      .selectFrom("log_tokens")
      .select(["name", "created_at as createdAt", "expires_at as expiresAt"])
      .where("worker_id", "=", workerId)
      .where("expires_at", ">", new Date())
      .orderBy("name")
      .execute();
    return rows.flatMap(({ name, ...times }) => (name === null ? [] : [{ name, ...times }]));
  });
}

/** @throws OpenWorkersError NOT_FOUND (worker, token), FORBIDDEN */
export async function revokeLogToken(
  database: StoreDatabase,
  { worker, name, by }: { readonly worker: string; readonly name: string; readonly by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by);
    const { numDeletedRows } = await transaction
      .deleteFrom("log_tokens")
      .where("worker_id", "=", id)
      .where("name", "=", name)
      .executeTakeFirst();
    if (numDeletedRows === 0n) {
      throw new OpenWorkersError("NOT_FOUND", `${worker} has no token "${name}".`, {
        hint: `List those there are: ow logs tokens list ${worker}`,
      });
    }
    await audit(transaction, by, "log_token.revoke", worker, { name });
  });
}

async function insertToken(
  transaction: Queries,
  given: { readonly scope: LogScope; readonly expiresAt: Date; readonly by: UserId; readonly name?: string },
): Promise<string> {
  const { scope, expiresAt, by, name } = given;
  if (!(expiresAt.getTime() > Date.now())) {
    throw new OpenWorkersError("INVALID_INPUT", "A token expires in the future.", { field: "expiresAt" });
  }
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const token = prefix + secret.toBase64({ alphabet: "base64url", omitPadding: true });
  await transaction
    .insertInto("log_tokens")
    .values({
      id: newId<"log-token">(),
      hash: hashOf(token),
      worker_id: scope.kind === "worker" ? scope.workerId : null,
      owner_id: scope.kind === "owner" ? scope.ownerId : null,
      created_by: by,
      expires_at: expiresAt,
      ...(name === undefined ? {} : { name }),
    })
    .execute();
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
