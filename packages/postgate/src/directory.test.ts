import { afterAll, beforeAll, expect, test } from "bun:test";
import { type DatabaseId, newId } from "@openworkers/core";
import {
  createDatabaseToken,
  createResource,
  type Database,
  databaseReady,
  deleteResource,
  limitDatabase,
  registerSealingKey,
  revokeDatabaseToken,
  SecretKeys,
} from "@openworkers/db";
import { temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { PlatformDirectory } from "./directory.ts";

const by = newId<"user">();
const passwords = { owner: "o", "read-write": "w", "read-only": "r", reduce: "d" };
let database: Database;
let directory: PlatformDirectory;
let made: DatabaseId[];
const judged: string[] = [];
const parts = new AsyncDisposableStack();

beforeAll(async () => {
  const own = parts.use(await withTestDatabase());
  database = own.database;
  const secretKeys = await SecretKeys.load({ directory: temporaryDirectory() });
  await registerSealingKey(database, secretKeys);
  await database.write((transaction) =>
    transaction.insertInto("users").values({ id: by, name: "ada" }).execute(),
  );
  made = [];
  directory = parts.use(
    await PlatformDirectory.open({
      database,
      secretKeys,
      judge: async ({ host }) => {
        judged.push(host);
        return "203.0.113.7";
      },
      make: async (id) => {
        made.push(id);
        await databaseReady(database, id, { kind: "platform", opens: passwords });
      },
    }),
  );
});

afterAll(() => parts.disposeAsync());

/** Resolves when the directory says that something about the database changed. */
function change(id: DatabaseId): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watching = directory.onChange((changed) => {
    if (changed !== id) return;
    watching[Symbol.dispose]();
    resolve();
  });
  return promise;
}

test("a database that is only wanted is made by whoever needs it first", async () => {
  const id = await createResource(database, "database", { name: "wanted", by });
  const [one, other] = await Promise.all([directory.tenant(id), directory.tenant(id)]);
  expect(one).toBe(other);
  expect(one).toMatchObject({ name: "wanted", place: { kind: "platform", passwords }, full: false });
  expect(made.filter((madeId) => madeId === id)).toEqual([id]);
});

test("new limits are seen as soon as the database tells of them", async () => {
  const id = await createResource(database, "database", { name: "limited", by });
  await directory.tenant(id);
  const changed = change(id);
  await limitDatabase(database, id, { limits: { connections: 2 }, by });
  await changed;
  expect((await directory.tenant(id)).limits.connections).toBe(2);
});

test("a revoked token is refused from the moment that the change is known, and its holders are told", async () => {
  const databaseId = await createResource(database, "database", { name: "tokens", by });
  const { token } = await createDatabaseToken(database, { databaseId, name: "one", scope: "read-write", by });
  expect(await directory.authenticate(token)).toMatchObject({
    tenant: { id: databaseId },
    scope: "read-write",
    by: { kind: "token", name: "one" },
  });
  const changed = change(databaseId);
  await revokeDatabaseToken(database, { databaseId, name: "one", by });
  await changed;
  expect(directory.authenticate(token)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});

test("a deleted database is gone, and so is what its tokens opened", async () => {
  const databaseId = await createResource(database, "database", { name: "gone", by });
  const { token } = await createDatabaseToken(database, { databaseId, name: "one", scope: "owner", by });
  await directory.authenticate(token);
  const changed = change(databaseId);
  await deleteResource(database, "database", { nameOrId: "gone", by });
  await changed;
  expect(directory.tenant(databaseId)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(directory.authenticate(token)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});

test("what is no token of anybody's is refused", async () => {
  for (const token of ["", "owdb_", "owdb_%00", `owdb_${"A".repeat(43)}`]) {
    expect(directory.authenticate(token)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  }
});

test("an owner's server is judged when it is looked up, and connected to where it was judged", async () => {
  const id = await createResource(database, "database", { name: "own", by });
  const url = "postgres://me:hunter2@db.example.com/shop?sslmode=verify-full";
  await databaseReady(database, id, { kind: "external", opens: { url } });
  const { place } = await directory.tenant(id);
  expect(place).toMatchObject({ kind: "external", address: { host: "db.example.com", ip: "203.0.113.7" } });
  expect(judged).toEqual(["db.example.com"]);
});
