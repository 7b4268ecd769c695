import { expect, test } from "bun:test";
import { defaultDatabaseLimits } from "@openworkers/core";
import { registerSealingKey, rotateSealingKey } from "../secrets/rotate.ts";
import { SecretKeys } from "../secrets/secret-keys.ts";
import { temporaryDirectory } from "../testing.ts";
import {
  createDatabaseToken,
  findDatabaseToken,
  listDatabaseTokens,
  revokeDatabaseToken,
} from "./database-tokens.ts";
import { databaseReady, limitDatabase, sealedDatabaseRow } from "./databases.ts";
import { createResource } from "./resources.ts";
import { platform, rejection } from "./testing/fixtures.ts";

async function withDatabase() {
  const fixture = await platform();
  const { database, ada } = fixture;
  const secretKeys = await SecretKeys.load({ directory: temporaryDirectory() });
  await registerSealingKey(database, secretKeys);
  const id = await createResource(database, "database", { name: "shop", by: ada });
  return {
    database,
    ada,
    id,
    secretKeys,
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

test("a database is wanted, then ready with passwords that only the platform's keys open, rotated ones too", async () => {
  await using fixture = await withDatabase();
  const { database, id, secretKeys, ada } = fixture;
  expect(await sealedDatabaseRow(database, id)).toMatchObject({
    state: "wanted",
    sealed: null,
    name: "shop",
  });
  await databaseReady(database, id, { kind: "platform", opens: { owner: "hunter2" } });
  const opened = async () => {
    const row = await sealedDatabaseRow(database, id);
    if (row?.sealed == null) throw new Error("it has nothing sealed");
    expect(Buffer.from(row.sealed).includes("hunter2")).toBe(false);
    return JSON.parse(await secretKeys.open(row.sealed, { databaseId: id }));
  };
  expect(await opened()).toEqual({ owner: "hunter2" });
  expect((await rotateSealingKey(database, secretKeys, ada)).resealed).toBe(1);
  expect(await opened()).toEqual({ owner: "hunter2" });
});

test("limits are set over those that it has, and none beyond what can be enforced", async () => {
  await using fixture = await withDatabase();
  const { database, id, ada: by } = fixture;
  await limitDatabase(database, id, { limits: { statementMs: 5 }, by });
  await limitDatabase(database, id, { limits: { connections: 3 }, by });
  expect((await sealedDatabaseRow(database, id))?.limits).toEqual({
    ...defaultDatabaseLimits,
    statementMs: 5,
    connections: 3,
  });
  const beyond = limitDatabase(database, id, { limits: { connections: 0 }, by });
  expect(await rejection(beyond)).toMatchObject({ code: "INVALID_LIMIT" });
});

test("a token is told once, kept as a hash, and good until it is revoked or expires", async () => {
  await using fixture = await withDatabase();
  const { database, id: databaseId, ada: by } = fixture;
  const { token } = await createDatabaseToken(database, { databaseId, name: "ci", scope: "read-only", by });
  expect(await findDatabaseToken(database, token)).toMatchObject({
    databaseId,
    scope: "read-only",
    name: "ci",
  });
  const stored = await database.read((queries) =>
    queries.selectFrom("database_tokens").selectAll().execute(),
  );
  expect(JSON.stringify(stored)).not.toContain(token);
  expect(JSON.stringify(await listDatabaseTokens(database, databaseId))).not.toContain(token);
  const again = createDatabaseToken(database, { databaseId, name: "ci", scope: "owner", by });
  expect(await rejection(again)).toMatchObject({ code: "CONFLICT" });
  await revokeDatabaseToken(database, { databaseId, name: "ci", by });
  expect(await findDatabaseToken(database, token)).toBeUndefined();

  const short = await createDatabaseToken(database, {
    databaseId,
    name: "short",
    scope: "owner",
    expiresAt: new Date(Date.now() + 60_000),
    by,
  });
  expect(await findDatabaseToken(database, short.token)).toBeDefined();
  await database.write((transaction) =>
    transaction
      .updateTable("database_tokens")
      .set({ expires_at: new Date(Date.now() - 1) })
      .execute(),
  );
  expect(await findDatabaseToken(database, short.token)).toBeUndefined();
  expect(await findDatabaseToken(database, "owdb_' or true --")).toBeUndefined();
});
