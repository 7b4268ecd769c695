import type { IdentityTables } from "@openworkers/db";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";

export type IdentityDatabase = Kysely<IdentityTables>;

/**
 * The connections of one request; the caller destroys them after it. They lead to Postgate, which keeps the
 * real ones open.
 */
export function openDatabase(connectionString: string): IdentityDatabase {
  // Three: a transaction's, and one for what is written whether it succeeds or not.
  const pool = new Pool({ connectionString, max: 3 });
  // Whoever waits for an answer on a broken connection is told by the answer's rejection.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return new Kysely({ dialect: new PostgresDialect({ pool }) });
}
