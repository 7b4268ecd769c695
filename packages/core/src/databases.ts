import { z } from "zod";
import { OpenWorkersError } from "./errors.ts";

/**
 * What a session on a tenant database may do. Each is a role of PostgreSQL's, so nobody looks at SQL:
 * `read-only` reads, `read-write` changes rows, `owner` changes the schema as well.
 */
export const databaseScopes = ["read-only", "read-write", "owner"] as const;
export type DatabaseScope = (typeof databaseScopes)[number];

const positive = (max: number) => z.int().min(1).max(max);

/** Limits of one tenant database. Meaning and defaults: docs/databases/limits.md. */
export const databaseLimitsSchema = z.object({
  /** How long one statement may run. */
  statementMs: positive(3_600_000),
  /** How long a session may leave a transaction open and say nothing. */
  idleInTransactionMs: positive(3_600_000),
  /** How long a statement may wait for a lock. */
  lockMs: positive(3_600_000),
  /** Temporary files of one session: sorts, hashes and temporary tables that do not fit its memory. */
  tempFileBytes: positive(2 ** 40),
  /** Memory of one sort or hash, before it goes to temporary files. */
  workMemBytes: positive(2 ** 30).min(2 ** 16),
  /** Connections to PostgreSQL, over all faces and scopes. */
  connections: positive(1_000),
  /** All that the database occupies on disk. Writes are refused above it. */
  sizeBytes: positive(2 ** 50),
  /** Rows of one result, through a binding or HTTP. */
  resultRows: positive(10_000_000),
  /** Bytes of one result, through a binding or HTTP. */
  resultBytes: positive(2 ** 30),
});

export type DatabaseLimits = z.infer<typeof databaseLimitsSchema>;

export const defaultDatabaseLimits: DatabaseLimits = {
  statementMs: 30_000,
  idleInTransactionMs: 30_000,
  lockMs: 10_000,
  tempFileBytes: 256 * 2 ** 20,
  workMemBytes: 4 * 2 ** 20,
  connections: 10,
  sizeBytes: 2 ** 30,
  resultRows: 100_000,
  resultBytes: 10 * 2 ** 20,
};

/**
 * The limits that a tenant database is under: `wanted` over the defaults.
 *
 * @throws OpenWorkersError INVALID_LIMIT
 */
export function resolveDatabaseLimits(wanted: Partial<DatabaseLimits>): DatabaseLimits {
  const parsed = databaseLimitsSchema.partial().strict().safeParse(wanted);
  if (parsed.success) {
    const given = Object.entries(parsed.data).filter(([, value]) => value !== undefined);
    return { ...defaultDatabaseLimits, ...Object.fromEntries(given) };
  }
  const issue = parsed.error.issues[0];
  throw new OpenWorkersError(
    "INVALID_LIMIT",
    `limits.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a limit"}.`,
    { field: ["limits", ...(issue?.path ?? [])].join(".") },
  );
}
