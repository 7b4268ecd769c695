import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { connect, type Database } from "@openworkers/db";
import { sql } from "kysely";
import { type Platform, startPlatform } from "./platform.ts";

/** Each starts the platform twice and runs many commands: more than a test usually takes. */
const longMs = 240_000;

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform?.[Symbol.asyncDispose]());

/** The platform's database, for as long as one process of it lives. */
async function platformDatabase(): Promise<Database> {
  const glob = new Bun.Glob("**/profiles/*.json");
  for await (const path of glob.scan(platform.directory)) {
    const profile = await Bun.file(join(platform.directory, path)).json();
    if (profile.pid === platform.ready.pid) return connect(profile.databaseUrl, { max: 2 });
  }
  throw new Error("the platform has no profile");
}

/** Resolves when `condition`, asked of the platform's database, holds. */
async function until(database: Database, condition: ReturnType<typeof sql<{ met: boolean }>>): Promise<void> {
  for (;;) {
    const { rows } = await database.read((queries) => condition.execute(queries));
    if (rows[0]?.met === true) return;
  }
}

/** Begins a command, kills the platform with SIGKILL once `condition` holds, and starts it again on the same data. */
async function killWhen(
  command: readonly string[],
  condition: ReturnType<typeof sql<{ met: boolean }>> | (() => Promise<boolean>),
): Promise<void> {
  const database = await platformDatabase();
  const running = platform.startOw(...command);
  try {
    if (typeof condition === "function") while (!(await condition()));
    else await until(database, condition);
    await platform.kill();
  } finally {
    await database[Symbol.asyncDispose]();
    // Its platform is gone: it fails, whatever it was at.
    await running.exited;
  }
  platform = await startPlatform({ directory: platform.directory });
}

async function ow<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await platform.ow(...args, "--json");
  if (code !== 0) throw new Error(`ow ${args.join(" ")} ended with ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

async function exec(name: string, text: string): Promise<unknown[][]> {
  const results = await ow<{ rows: unknown[][] }[]>("databases", "exec", name, text);
  return results.at(-1)?.rows ?? [];
}

/** What is on the server and belongs to no row. */
async function orphans(): Promise<string[]> {
  await using database = await platformDatabase();
  const { rows } = await database.read((queries) =>
    sql<{ name: string }>`
      select datname as name from pg_database where datname ~ '^ow_[0-9a-f]{32}'
        and not exists (select from databases where 'ow_' || replace(id::text, '-', '') = datname)
      union all
      select rolname from pg_roles where rolname ~ '^ow_[0-9a-f]{32}'
        and not exists (select from databases where starts_with(rolname, 'ow_' || replace(id::text, '-', '')))`.execute(
      queries,
    ),
  );
  return rows.map(({ name }) => name);
}

const onServer = (name: string) => sql<{ met: boolean }>`
  select exists (select from databases join pg_database on datname = 'ow_' || replace(id::text, '-', '')
    where name = ${name}) as met`;

test.each([
  [
    "its row is there",
    sql<{ met: boolean }>`select exists (select from databases where name = 'early') as met`,
  ],
  ["it is on the server", onServer("late")],
] as const)(
  "a database whose creation is killed when %s is made by its next use",
  async (when, condition) => {
    const name = when === "its row is there" ? "early" : "late";
    await killWhen(["databases", "create", name], condition);
    expect(await exec(name, "create table t (id int); insert into t values (1); select * from t")).toEqual([
      [1],
    ]);
  },
  longMs,
);

test(
  "a copy that is killed while it is made is whole when it is used",
  async () => {
    await ow("databases", "create", "source");
    await exec("source", "create table t as select generate_series(1, 100000) as id");
    await killWhen(["databases", "fork", "source", "copy"], onServer("copy"));
    expect(await exec("copy", "insert into t values (0); select count(*)::int from t")).toEqual([[100_001]]);
    expect(await exec("source", "select count(*)::int from t")).toEqual([[100_000]]);
  },
  longMs,
);

test(
  "a restore that is killed leaves nothing of what it had restored",
  async () => {
    await ow("databases", "create", "restored");
    const file = join(platform.directory, "slow.sql");
    await Bun.write(file, "create table t (id int);\ninsert into t values (1);\nselect pg_sleep(20);\n");
    await killWhen(
      ["databases", "restore", "restored", file],
      sql<{ met: boolean }>`select exists (
      select from pg_stat_activity where query like '%pg_sleep(20)%' and wait_event = 'PgSleep') as met`,
    );
    expect(await exec("restored", "select to_regclass('t')::text")).toEqual([[null]]);
  },
  longMs,
);

const dumps = () => readdir(join(platform.directory, "data/database-dumps")).catch(() => []);

test.each([
  [
    "it has been marked",
    sql<{ met: boolean }>`select exists (select from databases where state = 'deleting') as met`,
  ],
  ["its dump has begun", async () => (await dumps()).some((file) => file.endsWith(".part"))],
  [
    "its dump is there",
    sql<{ met: boolean }>`select exists (select from database_dumps where database_name = 'gone2') as met`,
  ],
] as const)(
  "a deletion that is killed when %s is finished by the next start, with one whole dump",
  async (when, condition) => {
    const name = `gone${["it has been marked", "its dump has begun", "its dump is there"].indexOf(when)}`;
    await ow("databases", "create", name);
    await exec(name, "create table t as select generate_series(1, 100000) as id");
    await killWhen(["databases", "delete", name, "--yes"], condition);
    {
      await using database = await platformDatabase();
      await until(
        database,
        sql<{ met: boolean }>`select not exists (select from databases where state = 'deleting') as met`,
      );
    }
    const kept = (await ow<{ name: string; path: string }[]>("databases", "dumps")).filter(
      (dump) => dump.name === name,
    );
    expect(kept).toHaveLength(1);
    expect((await dumps()).filter((file) => file.endsWith(".part"))).toEqual([]);
    await ow("databases", "create", name);
    await ow("databases", "restore", name, kept[0]?.path ?? "");
    expect(await exec(name, "select count(*)::int from t")).toEqual([[100_000]]);
  },
  longMs,
);

test("after all of that nothing is on the server that belongs to nobody", async () => {
  expect(await orphans()).toEqual([]);
});
