import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type DatabaseId, newId } from "@openworkers/core";
import {
  createDatabase,
  createDatabaseToken,
  createExternalDatabase,
  type Database,
  databaseRow,
  findDump,
  limitDatabase,
  markDeleting,
  registerSealingKey,
  SecretKeys,
  sealedDatabaseRow,
  stuckDeletions,
} from "@openworkers/db";
import { temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { Client } from "pg";
import { restoreDatabase } from "../dump/restore.ts";
import { PostgateService } from "../service.ts";
import { tenantNames } from "../tenant.ts";
import { TenantServer } from "../tenants/mod.ts";

const by = newId<"user">();
const parts = new AsyncDisposableStack();
let database: Database;
let server: TenantServer;
let service: PostgateService;
let dataDir: string;

beforeAll(async () => {
  const own = parts.use(await withTestDatabase());
  database = own.database;
  dataDir = temporaryDirectory();
  const secretKeys = await SecretKeys.load({ directory: dataDir });
  await registerSealingKey(database, secretKeys);
  await database.write((transaction) =>
    transaction.insertInto("users").values({ id: by, name: "ada" }).execute(),
  );
  server = parts.use(TenantServer.connect(own.url));
  service = parts.use(
    await PostgateService.open({
      database,
      secretKeys,
      tenantsUrl: own.url,
      dataDir,
      hostname: "127.0.0.1",
      postgresPorts: [0],
      httpPorts: [0],
      report: (message, details) => console.error(message, details),
    }),
  );
});
afterAll(() => parts.disposeAsync());

async function query(id: DatabaseId, script: string): Promise<unknown[][]> {
  const request = new Request("http://postgate/query", { method: "POST", body: JSON.stringify({ script }) });
  const answer = await service.query(id, request, { worker: "test" });
  const body = (await answer.json()) as { results?: { rows: unknown[][] }[]; error?: { message: string } };
  if (body.error !== undefined) throw new Error(body.error.message);
  return body.results?.at(-1)?.rows ?? [];
}

/** Resolves when the row is gone, which is the last step of a deletion. */
async function gone(id: DatabaseId): Promise<void> {
  while ((await databaseRow(database, id)) !== undefined) await Bun.sleep(10);
}

const create = (name: string, more: { readonly fork?: string } = {}) =>
  createDatabase(database, { name, limits: {}, by, ...more });

test("a database is made by its first query, and is the one that the next finds", async () => {
  const id = await create("first");
  await query(id, "create table t (id int); insert into t values (1)");
  expect(await query(id, "select * from t")).toEqual([[1]]);
  expect(await databaseRow(database, id)).toMatchObject({ state: "ready", kind: "platform" });
});

test("a database whose maker died after making it is made again, with passwords that are kept", async () => {
  const id = await create("died");
  const lost = { owner: "a", "read-write": "b", "read-only": "c", reduce: "d" };
  const row = await databaseRow(database, id);
  if (row === undefined) throw new Error("there is no row");
  await server.make(id, lost, row.limits);
  expect(await query(id, "select 1")).toEqual([[1]]);
});

test("a copy has what the source has, and goes its own way; half a copy is made anew", async () => {
  const source = await create("source");
  await query(source, "create table t (id int); insert into t values (1)");
  const copy = await create("copy", { fork: "source" });
  const lost = { owner: "a", "read-write": "b", "read-only": "c", reduce: "d" };
  const row = await databaseRow(database, copy);
  if (row === undefined) throw new Error("there is no row");
  // What a process that died would leave: an empty database where the copy belongs.
  await server.make(copy, lost, row.limits);
  await query(copy, "insert into t values (2)");
  expect(await query(copy, "select count(*)::int from t")).toEqual([[2]]);
  expect(await query(source, "select count(*)::int from t")).toEqual([[1]]);
});

test("a source stays until its copy has been made", async () => {
  const source = await create("early");
  const copy = await create("late", { fork: "early" });
  await expect(markDeleting(database, { nameOrId: "early", by })).rejects.toMatchObject({ code: "CONFLICT" });
  await query(copy, "select 1");
  await markDeleting(database, { nameOrId: "early", by });
  await gone(source);
});

test("a deleted database leaves a dump that restores, and nothing on the server; its name is free at once", async () => {
  const id = await create("shop");
  await query(id, "create table t (id int primary key, name text); insert into t values (1, 'ünï')");
  const { token } = await createDatabaseToken(database, { databaseId: id, name: "x", scope: "owner", by });
  await markDeleting(database, { nameOrId: "shop", by });
  const again = await create("shop");
  const refused = await fetch(`${service.httpUrl}query`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ sql: "select 1" }),
  });
  expect(refused.status).toBe(401);
  await gone(id);
  expect((await server.list()).map((found) => found.id)).not.toContain(id);
  const dump = await findDump(database, id);
  if (dump === undefined) throw new Error("there is no dump");
  expect(dump.name).toBe("shop");
  expect(statSync(dump.path).mode & 0o777).toBe(0o600);
  const fresh = await createDatabaseToken(database, { databaseId: again, name: "x", scope: "owner", by });
  const client = new Client({
    host: "127.0.0.1",
    port: service.postgresPort,
    user: "any",
    database: "any",
    password: fresh.token,
  });
  await client.connect();
  const sql = new Blob([await Bun.file(dump.path).bytes()])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  await restoreDatabase(client, sql, AbortSignal.timeout(60_000));
  await client.end();
  expect(await query(again, "select * from t")).toEqual([[1, "ünï"]]);
});

test("a deletion whose database is gone already ends without a dump", async () => {
  const id = await create("half");
  await query(id, "create table t (id int)");
  await server.drop(id);
  await markDeleting(database, { nameOrId: "half", by });
  await gone(id);
  expect(await findDump(database, id)).toBeUndefined();
});

test("a deletion whose dump fails says why, is listed, and ends without the dump when its owner wants none", async () => {
  const id = await create("stuck");
  await query(id, "create table t (id int)");
  // In place of the directory that dumps are written to.
  rmSync(join(dataDir, "database-dumps"), { recursive: true, force: true });
  await Bun.write(join(dataDir, "database-dumps"), "in the way");
  await markDeleting(database, { nameOrId: "stuck", by });
  while ((await stuckDeletions(database)).length === 0) await Bun.sleep(10);
  expect(await stuckDeletions(database)).toMatchObject([{ id, name: "stuck", owner: "ada" }]);
  expect((await databaseRow(database, id))?.deletionFailure).toContain("database-dumps");
  const again = await create("stuck");
  await expect(markDeleting(database, { nameOrId: id, by: newId(), keepDump: false })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  expect(await markDeleting(database, { nameOrId: id, by, keepDump: false })).toEqual({ id, name: "stuck" });
  await gone(id);
  expect((await server.list()).map((found) => found.id)).not.toContain(id);
  // The name is another's now.
  expect((await databaseRow(database, again))?.state).toBe("wanted");
  rmSync(join(dataDir, "database-dumps"));
});

test("a database that is deleted without a dump leaves none", async () => {
  const id = await create("forgotten");
  await query(id, "create table t (id int)");
  await markDeleting(database, { nameOrId: "forgotten", by, keepDump: false });
  await gone(id);
  expect(await findDump(database, id)).toBeUndefined();
});

test("new limits reach the server", async () => {
  const id = await create("limited");
  await query(id, "select 1");
  await limitDatabase(database, id, { limits: { statementMs: 100 }, by });
  while ((await query(id, "show statement_timeout"))[0]?.[0] !== "100ms") await Bun.sleep(10);
  await expect(query(id, "select pg_sleep(60)")).rejects.toThrow("statement timeout");
});

test("limits that changed while nobody could be told reach the server", async () => {
  const id = await create("missed");
  await query(id, "select 1");
  const name = tenantNames(id).database;
  const limit = async () =>
    (
      await server.read((queries) =>
        sql<{ limit: number }>`select datconnlimit as limit from pg_database where datname = ${name}`.execute(
          queries,
        ),
      )
    ).rows[0]?.limit;
  const right = await limit();
  await server.read((queries) => sql.raw(`alter database ${name} connection limit 77`).execute(queries));
  await database.read((queries) =>
    sql`select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen %' and datname = current_database()`.execute(
      queries,
    ),
  );
  while ((await limit()) !== right) await Bun.sleep(10);
});

test("a database of the owner's own is reached by its URL, which is nowhere to be read", async () => {
  await using external = await withTestDatabase();
  const id = await createExternalDatabase(database, { name: "own", limits: {}, by, url: external.url });
  expect(await query(id, "select current_database()")).toEqual([[new URL(external.url).pathname.slice(1)]]);
  const row = await sealedDatabaseRow(database, id);
  expect(Buffer.from(row?.sealed ?? []).includes("postgres")).toBe(false);
  await markDeleting(database, { nameOrId: "own", by });
  await gone(id);
  expect(await external.database.ping()).toBeUndefined();
});
