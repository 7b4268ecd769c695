import type { UserId } from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";

export interface AuditEntry {
  readonly at: Date;
  /** Name of the user who did it. */
  readonly user: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Writes down who did what, in the transaction that does it. `details` never holds a secret's value.
 *
 * @param account whose things it was done to, where the subject is no worker's name; `by`'s own unless given
 */
export async function audit(
  transaction: Queries,
  by: UserId,
  action: string,
  subject: string,
  details: Record<string, unknown> = {},
  account?: UserId,
): Promise<void> {
  await transaction
    .insertInto("audit_log")
    .values({
      user_id: by,
      action,
      subject,
      details,
      ...(account === undefined ? {} : { account_id: account }),
    })
    .execute();
}

export interface AuditFilter {
  /** Only entries about this name. */
  readonly subject?: string;
  /** At most this many; 100 unless given, 1,000 at most. */
  readonly limit?: number;
}

/** The newest entries first. */
export async function listAudit(
  database: StoreDatabase,
  { subject, limit = 100 }: AuditFilter = {},
): Promise<AuditEntry[]> {
  return database.read((queries) =>
    queries
      .selectFrom("audit_log")
      .innerJoin("users", "users.id", "audit_log.user_id")
      .select(["at", "users.name as user", "action", "subject", "details"])
      .where(({ eb, lit }) => (subject === undefined ? lit(true) : eb("subject", "=", subject)))
      .orderBy("audit_log.id", "desc")
      .limit(Math.min(limit, 1_000))
      .execute(),
  );
}
