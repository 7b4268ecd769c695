import type { Queries } from "@openworkers/db";
import { sql } from "kysely";

/** Runs statements without parameters, several as one transaction. */
export async function run(queries: Queries, statements: string): Promise<void> {
  await sql.raw(statements).execute(queries);
}

/** A database as its server has it; undefined when it has none of the name. `mark`: what the comment on it says. */
export async function look(
  queries: Queries,
  database: string,
): Promise<{ mark: string | null; connectionLimit: number; bytes: number } | undefined> {
  const { rows } = await sql<{ mark: string | null; connectionLimit: number; bytes: number }>`
    select shobj_description(oid, 'pg_database') as mark, datconnlimit as "connectionLimit",
      pg_database_size(oid) as bytes
    from pg_database where datname = ${database}`.execute(queries);
  return rows[0];
}
