import { type Address, Database, type Queries } from "@openworkers/db";
import { sql } from "kysely";

/** What `makeRoom` remembers of a database: for each table, its deleted rows when it was last written anew. */
export type Rewritten = Map<string, number>;

interface Table {
  readonly name: string;
  readonly live: number;
  readonly deleted: number;
}

/** Below this part of a table's rows, those that were deleted are not worth writing it anew. */
const worthwhile = 0.2;

/**
 * Gives back to the disk what deleted rows held. `address`: of a tenant's database, as its owner, so that whatever the
 * tenant's indexes call is called with no other rights than its own.
 *
 * A plain VACUUM frees only the end of a table. A table that has lost many rows is written anew, which for a moment
 * takes the room of what is left in it. A table that somebody works on is left for the next time.
 *
 * `onSession` is told the number of the process that does it.
 *
 * @throws OpenWorkersError DATABASE_UNAVAILABLE
 */
export async function makeRoom(
  address: Address,
  rewritten: Rewritten,
  onSession: (pid: number) => void,
): Promise<void> {
  await using database = new Database(address, { applicationName: "openworkers-vacuum", max: 2 });
  await database.read((queries) =>
    queries.connection().execute(async (connection) => {
      await sql`set search_path = pg_catalog, pg_temp`.execute(connection);
      await sql`set lock_timeout = '2s'`.execute(connection);
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(connection);
      onSession(rows[0]?.pid ?? 0);
      await sql`select pg_stat_force_next_flush()`.execute(connection);
      for (const { name, live, deleted } of await tables(connection)) {
        const lost = deleted - (rewritten.get(name) ?? 0);
        if (lost === 0) continue;
        const full = lost > worthwhile * (live + lost);
        // `name` is quoted by PostgreSQL.
        if ((await vacuumed(connection, `vacuum (${full ? "full" : "skip_locked"}) ${name}`)) && full) {
          rewritten.set(name, deleted);
        }
      }
    }),
  );
}

async function tables(queries: Queries): Promise<Table[]> {
  // Small ones first: what they give back makes room for those that follow.
  const { rows } = await sql<Table>`
    select relid::regclass::text as name, n_live_tup::float8 as live, n_tup_del::float8 as deleted
    from pg_stat_user_tables where n_tup_del > 0 order by pg_table_size(relid)`.execute(queries);
  return rows;
}

/** Whether it could: the table may be locked, or gone, or its index's function may fail. */
async function vacuumed(queries: Queries, statement: string): Promise<boolean> {
  try {
    await sql.raw(statement).execute(queries);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && /^(?!08|57P)/.test(String(thrown.code))) return false;
    throw thrown;
  }
}
