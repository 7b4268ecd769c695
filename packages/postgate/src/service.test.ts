import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type DatabaseId, maxReports, newId } from "@openworkers/core";
import {
  createDatabaseToken,
  createResource,
  type Database,
  databaseMeasured,
  registerSealingKey,
  SecretKeys,
  startEmbeddedPostgres,
} from "@openworkers/db";
import { temporaryCluster, temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { Client } from "pg";
import { cancelStatement } from "./cancel-statement.ts";
import { PostgateService } from "./service.ts";
import { until } from "./testing/mod.ts";

// What the operator reads of what tenants try.

const parts = new AsyncDisposableStack();
const by = newId<"user">();
const told: Record<string, unknown>[] = [];
let database: Database;
let service: PostgateService;
let id: DatabaseId;
let token: string;

beforeAll(async () => {
  const postgres = parts.use(await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false }));
  ({ database } = parts.use(await withTestDatabase()));
  const secretKeys = await SecretKeys.load({ directory: temporaryDirectory() });
  await registerSealingKey(database, secretKeys);
  await database.write((transaction) =>
    transaction.insertInto("users").values({ id: by, name: "ada" }).execute(),
  );
  service = parts.use(
    await PostgateService.open({
      database,
      secretKeys,
      tenantsUrl: postgres.urlOf("postgres"),
      dataDir: temporaryDirectory(),
      hostname: "127.0.0.1",
      postgresPorts: [0],
      httpPorts: [0],
      report: (message, details) => void told.push({ message, ...details }),
    }),
  );
  id = await createResource(database, "database", { name: "orders", by });
  ({ token } = await createDatabaseToken(database, {
    databaseId: id,
    name: "laptop",
    scope: "read-only",
    expiresAt: undefined,
    by,
  }));
});
afterAll(() => parts.disposeAsync());
beforeEach(() => void told.splice(0));

async function ask(sql: string, bearer = token): Promise<number> {
  const response = await fetch(new URL("/query", service.httpUrl), {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ sql }),
  });
  await response.arrayBuffer();
  return response.status;
}

test("what a fence or a limit stops is told with whose doing it was, and without its SQL", async () => {
  for (const sql of [
    "select pg_read_file('secret-name')",
    "create temp table t (secret_column int)",
    "select 'secret value', pg_cancel_backend(pg_backend_pid()), pg_sleep(60)",
  ]) {
    expect(await ask(sql)).toBeGreaterThanOrEqual(400);
  }
  const who = `token laptop (read-only) on database "orders" (${id})`;
  expect(told).toEqual([
    { message: "A query was refused.", who, code: "QUERY_FAILED", reason: "by PostgreSQL (42501)" },
    { message: "A query was refused.", who, code: "QUERY_FAILED", reason: "by PostgreSQL (25006)" },
    { message: "A query was cancelled.", who, code: "QUERY_FAILED", reason: "by PostgreSQL (57014)" },
  ]);
  expect(JSON.stringify(told)).not.toContain("secret");
});

test("an error of the tenant's own is told to the tenant alone", async () => {
  expect(await ask("select 1 / 0")).toBe(400);
  expect(await ask("selec")).toBe(400);
  expect(told).toEqual([]);
});

test("who writes to a full database is told that it is full", async () => {
  await databaseMeasured(database, id, { sizeBytes: 2 ** 31, full: true });
  const write = async () => {
    const request = new Request("http://postgate/query", {
      method: "POST",
      body: JSON.stringify({ sql: "create table t ()" }),
    });
    return (await service.query(id, request, { worker: "shop" })).json();
  };
  let answer: unknown;
  // Until the directory has been told.
  while (answer === undefined || !JSON.stringify(answer).includes("42501")) answer = await write();
  expect(answer).toMatchObject({
    error: { code: "QUERY_FAILED", sqlstate: "42501", hint: expect.stringContaining("is full") },
  });
  await databaseMeasured(database, id, { sizeBytes: 0, full: false });
});

test("who is refused without end fills no log", async () => {
  for (let count = 0; count < 3 * maxReports; count++) await ask("select pg_read_file('x')");
  expect(told.length).toBeGreaterThan(0);
  // Twice as many when a minute ends in between.
  expect(told.length).toBeLessThanOrEqual(2 * maxReports + 1);
});

test("the wire face tells of a statement that is cancelled, a session that PostgreSQL ends, and a token that is none", async () => {
  const client = new Client({ host: "127.0.0.1", port: service.postgresPort, user: "u", password: token });
  client.on("error", () => {});
  await client.connect();
  const slow = client.query("select pg_sleep(60)").catch((thrown: { code?: string }) => thrown.code);
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const face = {
    host: "127.0.0.1",
    port: service.postgresPort,
    database: "",
    user: "",
    tls: "disable",
  } as const;
  await cancelStatement(
    { ...face, password: undefined },
    { processId: processID, secret: secretKey },
    console.error,
  );
  expect(await slow).toBe("57014");
  await client.query("select pg_terminate_backend(pg_backend_pid())").catch(() => {});
  await until(() => told.some(({ reason }) => reason === "by PostgreSQL"));
  const who = `token laptop (read-only) on database "orders" (${id})`;
  expect(told).toEqual([
    { message: "A statement was cancelled by its client.", who },
    { message: "A database session was ended.", who, reason: "by PostgreSQL" },
  ]);
  const stranger = new Client({ host: "127.0.0.1", port: service.postgresPort, user: "u", password: "none" });
  stranger.on("error", () => {});
  expect(stranger.connect()).rejects.toMatchObject({ code: "28P01" });
  await until(() => told.length === 3);
  expect(told.at(-1)).toMatchObject({ message: "A token was refused.", address: "127.0.0.1" });
});

test("a session that says goodbye is no news", async () => {
  const client = new Client({ host: "127.0.0.1", port: service.postgresPort, user: "u", password: token });
  await client.connect();
  await client.query("select 1");
  await client.end();
  expect(told).toEqual([]);
});
