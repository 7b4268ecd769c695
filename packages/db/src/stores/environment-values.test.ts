import { describe, expect, test } from "bun:test";
import { sql } from "kysely";
import { openProgram } from "../secrets/open-program.ts";
import { registerSealingKey } from "../secrets/rotate.ts";
import { SecretKeys } from "../secrets/secret-keys.ts";
import { temporaryDirectory } from "../testing.ts";
import { listAudit } from "./audit.ts";
import { changeValues, listValues, maxValueBytes } from "./environment-values.ts";
import {
  createEnvironment,
  deleteEnvironment,
  ensureWorkerEnvironment,
  findEnvironment,
  listEnvironments,
} from "./environments.ts";
import { loadProgram } from "./programs.ts";
import { loadRouting } from "./routing.ts";
import { platform, rejection } from "./testing/fixtures.ts";
import { setWorkerEnvironment } from "./workers.ts";

const plain = "correct horse battery staple";

/** A platform with a sealing key and Ada's environment `prod`. */
async function sealed() {
  const fixture = await platform();
  const keys = await SecretKeys.load({ directory: temporaryDirectory() });
  await registerSealingKey(fixture.database, keys);
  const environmentId = await createEnvironment(fixture.database, { name: "prod", by: fixture.ada });
  return { ...fixture, keys, environmentId };
}

describe("values of an environment", () => {
  test("are set and removed in one go, and listed without any secret", async () => {
    await using fixture = await sealed();
    const { database, environmentId, ada: by } = fixture;
    await changeValues(database, {
      environmentId,
      set: [
        { name: "MODE", kind: "var", value: "it's; drop table users --" },
        { name: "OLD", kind: "var", value: "" },
        { name: "TOKEN", kind: "secret", value: plain },
      ],
      by,
    });
    await changeValues(database, {
      environmentId,
      set: [{ name: "MODE", kind: "var", value: "x" }],
      unset: ["OLD", "GONE"],
      by,
    });
    const listed = await listValues(database, environmentId);
    expect(listed).toMatchObject([
      { name: "MODE", kind: "var", value: "x" },
      { name: "TOKEN", kind: "secret" },
    ]);
    expect(Object.keys(listed[1] ?? {})).toEqual(["name", "kind", "updatedAt"]);
    expect(JSON.stringify(await listAudit(database))).not.toContain(plain);
  });

  test("reach the program, secrets opened only by who has the key, over the manifest's vars", async () => {
    await using fixture = await sealed();
    const { database, environmentId, ada: by } = fixture;
    const { versionId, workerId } = await fixture.deploy("hello", {
      environment: "prod",
      vars: new Map([
        ["MODE", { kind: "text", value: "manifest" }],
        ["KEPT", { kind: "json", value: "[1]" }],
      ]),
    });
    const revision = await changeValues(database, {
      environmentId,
      set: [
        { name: "MODE", kind: "var", value: "environment" },
        { name: "TOKEN", kind: "secret", value: plain },
      ],
      by,
    });
    const program = await loadProgram(database, versionId, workerId);
    expect(program.environment).toMatchObject({ id: environmentId, revision });
    expect(Bun.inspect(program)).not.toContain(plain);
    expect(await openProgram(program, fixture.keys)).toEqual(
      new Map([
        ["MODE", { kind: "text", value: "environment" }],
        ["KEPT", { kind: "json", value: "[1]" }],
        ["TOKEN", { kind: "text", value: plain }],
      ]),
    );
    const others = await SecretKeys.load({ directory: temporaryDirectory() });
    expect(await rejection(openProgram(program, others))).toMatchObject({ code: "SECRET_UNREADABLE" });
  });

  test("are nowhere in the database in clear", async () => {
    await using fixture = await sealed();
    const { database, environmentId, ada: by } = fixture;
    await changeValues(database, {
      environmentId,
      set: [{ name: "TOKEN", kind: "secret", value: plain }],
      by,
    });
    const { rows } = await database.read((queries) =>
      sql<{ text: string }>`select database_to_xml(true, false, '')::text as text`.execute(queries),
    );
    expect(rows[0]?.text).toContain("TOKEN");
    expect(rows[0]?.text).not.toContain(plain);
    expect(rows[0]?.text).not.toContain(Buffer.from(plain).toString("base64").slice(0, 30));
  });

  test("that were copied to another place do not open there", async () => {
    await using fixture = await sealed();
    const { database, environmentId, ada: by } = fixture;
    const { versionId, workerId } = await fixture.deploy("hello", { environment: "prod" });
    await changeValues(database, {
      environmentId,
      set: [{ name: "TOKEN", kind: "secret", value: plain }],
      by,
    });
    await database.write((transaction) =>
      sql`insert into environment_values (environment_id, owner_id, name, kind, sealed, key_id)
        select environment_id, owner_id, 'STOLEN', kind, sealed, key_id from environment_values`.execute(
        transaction,
      ),
    );
    const program = await loadProgram(database, versionId, workerId);
    expect(await rejection(openProgram(program, fixture.keys))).toMatchObject({
      code: "SECRET_UNREADABLE",
      details: { name: "STOLEN" },
    });
  });

  test("change the revision with every change, and no two environments share one", async () => {
    await using fixture = await sealed();
    const { database, environmentId, ada: by } = fixture;
    const other = await createEnvironment(database, { name: "other", by });
    await fixture.deploy("hello", { environment: "prod" });
    const revisions: number[] = [];
    const look = async () => {
      const [worker] = (await loadRouting(database)).workers;
      revisions.push(worker?.environmentRevision ?? -1);
    };
    await look();
    await changeValues(database, { environmentId, set: [{ name: "A", kind: "var", value: "1" }], by });
    await look();
    await changeValues(database, { environmentId, set: [{ name: "A", kind: "secret", value: "1" }], by });
    await look();
    await changeValues(database, { environmentId, unset: ["A"], by });
    await look();
    await setWorkerEnvironment(database, { worker: "hello", environment: "other", by });
    await look();
    await changeValues(database, { environmentId: other, set: [{ name: "A", kind: "var", value: "1" }], by });
    await look();
    expect(new Set(revisions).size).toBe(revisions.length);
    expect(revisions).not.toContain(0);
    await setWorkerEnvironment(database, { worker: "hello", environment: null, by });
    await look();
    expect(revisions.at(-1)).toBe(0);
  });

  test("that no worker could be given are refused, and then nothing is changed", async () => {
    await using fixture = await sealed();
    const { database, environmentId, ada: by } = fixture;
    const good = { name: "GOOD", kind: "var", value: "x" } as const;
    const bad = [
      { name: "1A", kind: "var", value: "" },
      { name: "A-B", kind: "var", value: "" },
      { name: "", kind: "var", value: "" },
      { name: "A".repeat(129), kind: "secret", value: "" },
      { name: "A", kind: "var", value: "x".repeat(maxValueBytes + 1) },
      { name: "A", kind: "secret", value: "é".repeat(maxValueBytes / 2 + 1) },
      { name: "A", kind: "var", value: "a\0b" },
      { name: "A", kind: "secret", value: "\ud800" },
      good,
    ] as const;
    for (const value of bad) {
      const attempt = changeValues(database, { environmentId, set: [good, value], by });
      expect({ value: value.name, thrown: await rejection(attempt) }).toMatchObject({
        thrown: { code: "INVALID_INPUT" },
      });
    }
    expect(await listValues(database, environmentId)).toEqual([]);
    const largest = "x".repeat(maxValueBytes);
    await changeValues(database, {
      environmentId,
      set: [
        { name: "V", kind: "var", value: largest },
        { name: "S", kind: "secret", value: largest },
      ],
      by,
    });
  });

  test("belong to their owner alone", async () => {
    await using fixture = await sealed();
    const { database, environmentId } = fixture;
    const set = [{ name: "A", kind: "var", value: "1" }] as const;
    expect(await rejection(changeValues(database, { environmentId, set, by: fixture.bob }))).toMatchObject({
      code: "FORBIDDEN",
    });
    expect(await rejection(deleteEnvironment(database, { environmentId, by: fixture.bob }))).toMatchObject({
      code: "FORBIDDEN",
    });
    await fixture.deploy("bobs", { by: fixture.bob });
    const linked = setWorkerEnvironment(database, { worker: "bobs", environment: "prod", by: fixture.bob });
    expect(await rejection(linked)).toMatchObject({ code: "NOT_FOUND" });
    await changeValues(database, { environmentId, set, by: fixture.operator });
  });

  test("that are secret wait for the platform's first key", async () => {
    await using fixture = await platform();
    const environmentId = await createEnvironment(fixture.database, { name: "prod", by: fixture.ada });
    const attempt = changeValues(fixture.database, {
      environmentId,
      set: [{ name: "A", kind: "secret", value: "1" }],
      by: fixture.ada,
    });
    expect(await rejection(attempt)).toMatchObject({ code: "SECRET_UNREADABLE" });
  });
});

describe("an environment", () => {
  test("is made for a worker that has none, once, and never somebody's other one", async () => {
    await using fixture = await platform();
    const { database, ada: by } = fixture;
    await fixture.deploy("hello");
    const mine = await createEnvironment(database, { name: "hello", by });
    const made = await Promise.all(
      [1, 2, 3].map(() => ensureWorkerEnvironment(database, { worker: "hello", by })),
    );
    expect(new Set(made).size).toBe(1);
    expect(made[0]).not.toBe(mine);
    expect(await listEnvironments(database)).toMatchObject([
      { name: "hello", workers: [] },
      { name: "hello-2", workers: ["hello"] },
    ]);
  });

  test("may have the name of another user's, and not of one's own", async () => {
    await using fixture = await platform();
    const { database } = fixture;
    await createEnvironment(database, { name: "prod", by: fixture.ada });
    await createEnvironment(database, { name: "prod", by: fixture.bob });
    expect(await rejection(createEnvironment(database, { name: "prod", by: fixture.ada }))).toMatchObject({
      code: "CONFLICT",
    });
    expect(await rejection(createEnvironment(database, { name: "a b", by: fixture.ada }))).toMatchObject({
      code: "INVALID_NAME",
    });
  });

  test("that workers use is not deleted", async () => {
    await using fixture = await platform();
    const { database, ada: by } = fixture;
    const environmentId = await createEnvironment(database, { name: "prod", by });
    await fixture.deploy("hello", { environment: "prod" });
    expect(await rejection(deleteEnvironment(database, { environmentId, by }))).toMatchObject({
      code: "CONFLICT",
      details: { workers: ["hello"] },
    });
    await setWorkerEnvironment(database, { worker: "hello", environment: null, by });
    await deleteEnvironment(database, { environmentId, by });
    expect(await rejection(findEnvironment(database, { name: "prod", owner: by }))).toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
