import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateSealingKey, newId, seal } from "@openworkers/core";
import { sql } from "kysely";
import type { Database } from "../database.ts";
import { changeValues } from "../stores/environment-values.ts";
import { createEnvironment } from "../stores/environments.ts";
import { loadProgram } from "../stores/programs.ts";
import { platform, rejection } from "../stores/testing/fixtures.ts";
import { temporaryDirectory } from "../testing.ts";
import { openProgram } from "./open-program.ts";
import { registerSealingKey, rotateSealingKey } from "./rotate.ts";
import { SecretKeys } from "./secret-keys.ts";

const secrets = Object.fromEntries(
  Array.from({ length: 5 }, (_, index) => [`KEY_${index}`, `value ${index}`]),
);

/** A platform with a worker that has secrets, and `read`, which gives them as a runner with `keys` sees them. */
async function withSecrets() {
  const fixture = await platform();
  const { database, ada: by } = fixture;
  const directory = temporaryDirectory();
  const keys = await SecretKeys.load({ directory });
  await registerSealingKey(database, keys);
  const environmentId = await createEnvironment(database, { name: "prod", by });
  const { versionId, workerId } = await fixture.deploy("hello", { environment: "prod" });
  const set = (values: Record<string, string>) =>
    changeValues(database, {
      environmentId,
      set: Object.entries(values).map(([name, value]) => ({ name, kind: "secret", value })),
      by,
    });
  const revision = await set(secrets);
  const read = async (with_ = keys) => {
    const env = await openProgram(await loadProgram(database, versionId, workerId), with_);
    return Object.fromEntries([...env].map(([name, { value }]) => [name, value]));
  };
  return {
    ...fixture,
    environmentId,
    directory,
    keys,
    set,
    read,
    revision,
    load: () => loadProgram(database, versionId, workerId),
  };
}

const activeIds = async (database: Database) =>
  database.read(async (queries) =>
    (await queries.selectFrom("sealing_keys").select("id").where("retired_at", "is", null).execute()).map(
      ({ id }) => id,
    ),
  );

/** Resolves when a session of this database waits for another's lock on a row. */
async function somebodyWaits(database: Database): Promise<void> {
  for (;;) {
    const { rows } = await database.read((queries) =>
      sql`select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory'`.execute(
        queries,
      ),
    );
    if (rows.length > 0) return;
    await Bun.sleep(5);
  }
}

describe("rotating the key", () => {
  test("seals every secret anew, changes no value, and restarts no worker", async () => {
    await using fixture = await withSecrets();
    const { database, keys } = fixture;
    const old = keys.keys[0];
    const before = await fixture.load();
    const rotated = await rotateSealingKey(database, keys, fixture.operator);
    expect(rotated).toEqual({ keyId: keys.keys[0]?.id ?? "", resealed: 5 });
    expect(rotated.keyId).not.toBe(old?.id);
    expect(await activeIds(database)).toEqual([rotated.keyId]);
    expect(await fixture.read()).toEqual(secrets);
    const after = await fixture.load();
    expect(after.environment?.revision).toBe(fixture.revision);
    expect(after.environment?.values).not.toEqual(before.environment?.values);
    await fixture.set({ LATER: "still works" });
    expect(await fixture.read()).toEqual({ ...secrets, LATER: "still works" });
  });

  test("lets a runner that knows only the old key go on", async () => {
    await using fixture = await withSecrets();
    const runner = await SecretKeys.load({ directory: fixture.directory });
    const inFlight = await fixture.load();
    await rotateSealingKey(fixture.database, fixture.keys, fixture.operator);
    expect(await fixture.read(runner)).toEqual(secrets);
    expect((await openProgram(inFlight, runner)).get("KEY_1")?.value).toBe("value 1");
  });

  test("keeps the key before the new one in the file, and none that is older", async () => {
    await using fixture = await withSecrets();
    const ids = [fixture.keys.keys[0]?.id];
    for (let round = 0; round < 3; round++)
      ids.unshift((await rotateSealingKey(fixture.database, fixture.keys, fixture.operator)).keyId);
    const kept = (await SecretKeys.load({ directory: fixture.directory })).keys.map(({ id }) => id);
    expect(kept).toEqual(ids.slice(0, 2).flatMap((id) => id ?? []));
  });

  test("by several at once, and while secrets are written, loses none", async () => {
    await using fixture = await withSecrets();
    const { database, directory, operator } = fixture;
    const several = await Promise.all([1, 2].map(() => SecretKeys.load({ directory })));
    const written = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`NEW_${index}`, `new ${index}`]),
    );
    await Promise.all([
      ...several.map((keys) => rotateSealingKey(database, keys, operator)),
      ...Object.entries(written).map(([name, value]) => fixture.set({ [name]: value })),
    ]);
    expect(await fixture.read()).toEqual({ ...secrets, ...written });
    expect(await activeIds(database)).toHaveLength(1);
  });

  test("waits for a secret that is being written with the old key, and seals it anew too", async () => {
    await using fixture = await withSecrets();
    const { database, keys, environmentId } = fixture;
    const [old] = keys.keys;
    if (old === undefined) throw new Error("no key");
    const written = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const writing = database.write(async (transaction) => {
      const sealed = await seal(old.publicKey, "just in time", { environmentId, name: "LATE" });
      await transaction
        .insertInto("environment_values")
        .values({
          environment_id: environmentId,
          owner_id: fixture.ada,
          name: "LATE",
          kind: "secret",
          value: null,
          sealed,
          key_id: old.id,
        })
        .execute();
      written.resolve();
      await commit.promise;
    });
    await written.promise;
    const rotating = rotateSealingKey(database, keys, fixture.operator);
    await Promise.race([rotating, somebodyWaits(database)]);
    commit.resolve();
    await Promise.all([writing, rotating]);
    const used = await database.read((queries) =>
      queries.selectFrom("environment_values").select("key_id").distinct().execute(),
    );
    expect(used.map(({ key_id }) => key_id)).toEqual(await activeIds(database));
    expect(await fixture.read()).toEqual({ ...secrets, LATE: "just in time" });
  });

  test("seals mails anew that are not sent yet", async () => {
    await using fixture = await withSecrets();
    const { database, keys } = fixture;
    const [old] = keys.keys;
    if (old === undefined) throw new Error("no key");
    const mailId = newId<"mail">();
    await database.read(async (queries) =>
      queries
        .insertInto("identity.mails")
        .values({
          id: mailId,
          recipient: "ada@example.com",
          template: "reset-password",
          sealed: await seal(old.publicKey, "a link", { mailId }),
          key_id: old.id,
        })
        .execute(),
    );
    const { keyId } = await rotateSealingKey(database, keys, fixture.operator);
    const [mail] = await database.read((queries) =>
      queries.selectFrom("identity.mails").select(["sealed", "key_id"]).execute(),
    );
    expect(mail?.key_id).toBe(keyId);
    expect(await keys.open(mail?.sealed ?? new Uint8Array(), { mailId })).toBe("a link");
  });

  test("goes on with the key that a killed rotation left in the file", async () => {
    await using fixture = await withSecrets();
    const path = join(fixture.directory, "secret-key");
    writeFileSync(path, `${await generateSealingKey()}\n${readFileSync(path, "utf8")}`);
    const keys = await SecretKeys.load({ directory: fixture.directory });
    await registerSealingKey(fixture.database, keys);
    expect(await fixture.read(keys)).toEqual(secrets);
    await fixture.set({ MEANWHILE: "x" });
    expect(await fixture.read(keys)).toEqual({ ...secrets, MEANWHILE: "x" });
    const { keyId } = await rotateSealingKey(fixture.database, keys, fixture.operator);
    expect(keyId).toBe(keys.keys[0]?.id ?? "");
    expect(await fixture.read(keys)).toEqual({ ...secrets, MEANWHILE: "x" });
  });

  test("killed at any moment loses no secret", async () => {
    await using fixture = await withSecrets();
    const script = join(import.meta.dir, "testing", "rotate-for-ever.ts");
    for (let round = 0; round < 6; round++) {
      const child = Bun.spawn([process.execPath, script, fixture.url, fixture.directory], {
        stdout: "pipe",
        stderr: "inherit",
      });
      for await (const _ of child.stdout) break;
      // Some moment of the next rotation: which one is chance, and every one has to do.
      await Bun.sleep(Math.random() * 30);
      child.kill("SIGKILL");
      await child.exited;
      expect(await fixture.read(await SecretKeys.load({ directory: fixture.directory }))).toEqual(secrets);
    }
    await rotateSealingKey(fixture.database, fixture.keys, fixture.operator);
    expect(await fixture.read()).toEqual(secrets);
  });

  test("with a secret that cannot be opened changes nothing", async () => {
    await using fixture = await withSecrets();
    const { database, keys, operator } = fixture;
    const active = await activeIds(database);
    await database.write((transaction) =>
      transaction
        .updateTable("environment_values")
        .set({ sealed: Buffer.alloc(200, 1) })
        .where("name", "=", "KEY_3")
        .execute(),
    );
    expect(await rejection(rotateSealingKey(database, keys, operator))).toMatchObject({
      code: "SECRET_UNREADABLE",
    });
    expect(await activeIds(database)).toEqual(active);
    await fixture.set({ KEY_3: "value 3" });
    await rotateSealingKey(database, keys, operator);
    expect(await fixture.read()).toEqual(secrets);
  });

  test("from OW_SECRET_KEY takes the new key that the operator put in front, and asks for one", async () => {
    await using fixture = await platform();
    const { database, operator } = fixture;
    const directory = temporaryDirectory();
    const [old, next] = [await generateSealingKey(), await generateSealingKey()];
    const before = await SecretKeys.load({ secretKey: old, directory });
    await registerSealingKey(database, before);
    expect(await rejection(rotateSealingKey(database, before, operator))).toMatchObject({
      code: "CONFIG_INVALID",
    });
    const both = await SecretKeys.load({ secretKey: `${next},${old}`, directory });
    expect((await registerSealingKey(database, both)).id).toBe(both.keys[1]?.id ?? "");
    const { keyId } = await rotateSealingKey(database, both, operator);
    expect(keyId).toBe(both.keys[0]?.id ?? "");
  });
});

describe("a platform", () => {
  test("does not start with other keys than its secrets are sealed with", async () => {
    await using fixture = await withSecrets();
    const others = await SecretKeys.load({ directory: temporaryDirectory() });
    expect(await rejection(registerSealingKey(fixture.database, others))).toMatchObject({
      code: "SECRET_UNREADABLE",
      details: { keyId: fixture.keys.keys[0]?.id },
    });
    expect((await registerSealingKey(fixture.database, fixture.keys)).id).toBe(
      fixture.keys.keys[0]?.id ?? "",
    );
  });

  test("of which two runners start at once has one key", async () => {
    await using fixture = await platform();
    const keys = await SecretKeys.load({ directory: temporaryDirectory() });
    const registered = await Promise.all([1, 2, 3].map(() => registerSealingKey(fixture.database, keys)));
    expect(new Set(registered.map(({ id }) => id))).toEqual(new Set(keys.keys.map(({ id }) => id)));
  });
});
