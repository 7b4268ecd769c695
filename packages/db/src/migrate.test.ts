import { describe, expect, test } from "bun:test";
import { sql } from "kysely";
import { connect, type Database } from "./database.ts";
import { type Migration, migrate, pendingMigrations, readMigrations } from "./migrate.ts";
import { emptyTestDatabase } from "./testing.ts";

const first: Migration = {
  name: "0001_first",
  text: "create table one (id int); insert into one values (1);",
};
const second: Migration = {
  name: "0002_second",
  text: "create table two (note text default $$it's; fine$$);",
};

async function tables(database: Database): Promise<string[]> {
  const { rows } = await database.read((queries) =>
    sql<{
      name: string;
    }>`select tablename as name from pg_tables where schemaname = 'public' order by 1`.execute(queries),
  );
  return rows.map(({ name }) => name).filter((name) => name !== "schema_migrations");
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "it went through",
    (thrown: unknown) => thrown,
  );
}

describe("migrating", () => {
  test("brings an empty database to this release's schema, once", async () => {
    await using fixture = await emptyTestDatabase();
    const names = (await readMigrations()).map(({ name }) => name);
    expect(await pendingMigrations(fixture.database)).toEqual(names);
    expect(await migrate(fixture.database)).toEqual(names);
    expect(await migrate(fixture.database)).toEqual([]);
    expect(await pendingMigrations(fixture.database)).toEqual([]);
    expect(await tables(fixture.database)).toContain("worker_versions");
  });

  test("applies what is missing, in order, statement by statement", async () => {
    await using fixture = await emptyTestDatabase();
    expect(await migrate(fixture.database, [first])).toEqual(["0001_first"]);
    expect(await migrate(fixture.database, [first, second])).toEqual(["0002_second"]);
    expect(await tables(fixture.database)).toEqual(["one", "two"]);
  });

  test("by several at once succeeds for all, and one does each piece of the work", async () => {
    await using fixture = await emptyTestDatabase();
    const others = Array.from({ length: 4 }, () => connect(fixture.url));
    try {
      const slow = { name: "0003_slow", text: "select pg_sleep(0.05); create table three (id int);" };
      const applied = await Promise.all(others.map((database) => migrate(database, [first, second, slow])));
      expect(applied.flat().sort()).toEqual(["0001_first", "0002_second", "0003_slow"]);
    } finally {
      for (const database of others) await database[Symbol.asyncDispose]();
    }
  });

  test("that fails leaves the database as the migration before it did", async () => {
    await using fixture = await emptyTestDatabase();
    const broken = { name: "0002_broken", text: "create table two (id int); select * from nowhere;" };
    expect(await rejection(migrate(fixture.database, [first, broken]))).toMatchObject({ code: "42P01" });
    expect(await tables(fixture.database)).toEqual(["one"]);
    expect(await migrate(fixture.database, [first, second])).toEqual(["0002_second"]);
  });

  test("refuses a database that a newer release has migrated", async () => {
    await using fixture = await emptyTestDatabase();
    await migrate(fixture.database, [first, second]);
    const newer = { code: "DATABASE_NEWER", details: { migrations: ["0002_second"] } };
    expect(await rejection(migrate(fixture.database, [first]))).toMatchObject(newer);
  });

  test("refuses a migration that was changed after it had been applied", async () => {
    await using fixture = await emptyTestDatabase();
    await migrate(fixture.database, [first]);
    const changed = { ...first, text: `${first.text} -- harmless` };
    expect(await rejection(migrate(fixture.database, [changed, second]))).toMatchObject({
      code: "CONFLICT",
      details: { migration: "0001_first" },
    });
    expect(await tables(fixture.database)).toEqual(["one"]);
  });
});
