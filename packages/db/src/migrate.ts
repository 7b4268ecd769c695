import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import { sql, type Transaction } from "kysely";
import type { Database, Queries } from "./database.ts";
import type { Tables } from "./tables.ts";

export interface Migration {
  /** File name without `.sql`, such as `0001_foundation`; they are applied in its order. */
  readonly name: string;
  readonly text: string;
}

interface Applied {
  name: string;
  checksum: string;
}

const directory = join(import.meta.dir, "..", "migrations");
// Any number will do as long as nothing else in the database uses it.
const lockKey = 7_264_001;

/** The migrations that this release ships, in order. */
export async function readMigrations(from: string = directory): Promise<Migration[]> {
  const files = (await readdir(from)).filter((file) => /^\d{4}_[a-z0-9_]+\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => ({ name: file.slice(0, -4), text: await readFile(join(from, file), "utf8") })),
  );
}

/**
 * Brings the database to this release's schema and returns the names of the migrations it applied, in order;
 * none when there was nothing to do. Two at once both succeed, and one does the work. Each migration is a
 * transaction: a failed one leaves the database as the one before it did.
 *
 * @throws OpenWorkersError DATABASE_NEWER when a newer release has migrated it, CONFLICT when a migration that
 * was applied is not the one that this release ships under its name, DATABASE_UNAVAILABLE.
 */
export async function migrate(database: Database, migrations?: readonly Migration[]): Promise<string[]> {
  const known = migrations ?? (await readMigrations());
  return database.exclusively(lockKey, (connection) => applyMissing(connection, known));
}

/**
 * The names of migrations that this release ships and the database lacks, without applying them.
 *
 * @throws as `migrate` does.
 */
export async function pendingMigrations(database: Database): Promise<string[]> {
  const known = await readMigrations();
  return database.read(async (queries) => {
    const found = await sql<{
      there: boolean;
    }>`select to_regclass('schema_migrations') is not null as there`.execute(queries);
    const applied = found.rows[0]?.there === true ? await readApplied(queries) : [];
    return missing(known, applied).map(({ name }) => name);
  });
}

async function applyMissing(connection: Queries, known: readonly Migration[]): Promise<string[]> {
  await sql`create table if not exists schema_migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
  )`.execute(connection);
  const todo = missing(known, await readApplied(connection));
  for (const migration of todo) {
    await connection.transaction().execute((transaction) => apply(transaction, migration));
  }
  return todo.map(({ name }) => name);
}

async function apply(transaction: Transaction<Tables>, { name, text }: Migration): Promise<void> {
  // PostgreSQL takes one statement in a prepared query; `execute` in a function body takes them all.
  await sql`select set_config('openworkers.migration', ${text}, true)`.execute(transaction);
  await sql`do $run$ begin execute current_setting('openworkers.migration'); end $run$`.execute(transaction);
  await sql`insert into schema_migrations (name, checksum) values (${name}, ${checksum(text)})`.execute(
    transaction,
  );
}

async function readApplied(queries: Queries): Promise<Applied[]> {
  return (await sql<Applied>`select name, checksum from schema_migrations order by name`.execute(queries))
    .rows;
}

function missing(known: readonly Migration[], applied: readonly Applied[]): Migration[] {
  const byName = new Map(known.map((migration) => [migration.name, migration]));
  const newer = applied.filter(({ name }) => !byName.has(name)).map(({ name }) => name);
  if (newer.length > 0) {
    throw new OpenWorkersError(
      "DATABASE_NEWER",
      `The database holds migrations that this release does not know: ${newer.join(", ")}.`,
      { hint: "Run the release that made them, or a later one.", details: { migrations: newer } },
    );
  }
  for (const { name, checksum: then } of applied) {
    const now = byName.get(name);
    if (now !== undefined && checksum(now.text) !== then) {
      throw new OpenWorkersError("CONFLICT", `Migration ${name} was changed after it had been applied.`, {
        hint: "Restore the file; put the change into a new migration.",
        details: { migration: name },
      });
    }
  }
  const done = new Set(applied.map(({ name }) => name));
  return known.filter(({ name }) => !done.has(name));
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
