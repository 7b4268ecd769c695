import { afterAll, afterEach, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import {
  createUser,
  ensureSystemUser,
  findEnvironment,
  listVersions,
  registerSealingKey,
  rollback,
  SecretKeys,
} from "@openworkers/db";
import { type TestDatabase, temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { Output } from "../../output/output.ts";
import { readSystemSettings } from "./settings.ts";
import { startApi } from "./start-api.ts";
import { deploySystemWorkers, type SystemWorkersOptions } from "./system-workers.ts";
import { openedValues } from "./values.ts";

let own: TestDatabase;
let options: SystemWorkersOptions;
beforeAll(async () => {
  own = await withTestDatabase();
  const dataDir = temporaryDirectory();
  const secretKeys = await SecretKeys.load({ directory: dataDir });
  await registerSealingKey(own.database, secretKeys);
  options = {
    ...{ database: own.database, secretKeys, dataDir, sandbox: "bubblewrap" },
    settings: readSystemSettings({}),
    baseUrl: "http://api.localhost:8787",
    signal: new AbortController().signal,
  };
}, 60_000);
afterAll(() => own[Symbol.asyncDispose]());

const versions = async (name: string) => (await listVersions(own.database, name)).map(({ number }) => number);

async function valuesOf(name: string): Promise<Record<string, string>> {
  const owner = await ensureSystemUser(own.database);
  const id = await findEnvironment(own.database, { name, owner });
  return Object.fromEntries(await openedValues(own.database, options.secretKeys, id));
}

describe("the platform's own workers", () => {
  test("are deployed once, and not again while nothing of them has changed", async () => {
    expect(await deploySystemWorkers(options)).toEqual([
      { name: "identity", version: 1, live: true },
      { name: "api", version: 1, live: true },
    ]);
    const before = await valuesOf("identity");
    expect(before).toMatchObject({ BASE_URL: "http://api.localhost:8787", REGISTRATION: "closed" });
    expect(Buffer.from(before.AUTH_SECRET ?? "", "base64url")).toHaveLength(32);
    expect(await deploySystemWorkers(options)).toEqual([
      { name: "identity", live: true },
      { name: "api", live: true },
    ]);
    expect(await valuesOf("identity")).toEqual(before);
    // Nor when sources have another time, as after a new checkout, or the cache is gone.
    const now = new Date();
    await utimes(join(import.meta.dir, "../../../../api/src/worker.ts"), now, now);
    await deploySystemWorkers({ ...options, dataDir: temporaryDirectory() });
    expect([await versions("identity"), await versions("api")]).toEqual([[1], [1]]);
  }, 60_000);

  test("are told of other settings without another version, and of none that is gone", async () => {
    const { AUTH_SECRET: secret } = await valuesOf("identity");
    const settings = readSystemSettings({ OW_REGISTRATION: "open", OW_SMTP_URL: "smtp://mail.test" });
    await deploySystemWorkers({ ...options, settings, baseUrl: "https://api.example.com" });
    expect(await valuesOf("identity")).toEqual({
      AUTH_SECRET: secret ?? "",
      BASE_URL: "https://api.example.com",
      MAIL: "on",
      REGISTRATION: "open",
    });
    expect(await valuesOf("api")).toEqual({ BASE_URL: "https://api.example.com" });
    await deploySystemWorkers(options);
    expect(await valuesOf("identity")).toMatchObject({ AUTH_SECRET: secret ?? "", REGISTRATION: "closed" });
    expect(await versions("identity")).toEqual([1]);
  }, 60_000);

  test("that an operator has put another version of live stay so, until that is undone by force", async () => {
    const by = await ensureSystemUser(own.database);
    await deploySystemWorkers({ ...options, settings: { ...options.settings, github: gitHub } });
    expect([await versions("identity"), await versions("api")]).toEqual([[2, 1], [1]]);
    await rollback(own.database, { worker: "identity", by });
    const again = { ...options, settings: { ...options.settings, github: gitHub } };
    expect(await deploySystemWorkers(again)).toMatchObject([
      { name: "identity", live: false },
      { live: true },
    ]);
    expect(await deploySystemWorkers({ ...again, force: true })).toEqual([
      { name: "identity", version: 3, live: true },
      { name: "api", live: true },
    ]);
  }, 60_000);

  test("that two starts deploy at once come out as one", async () => {
    await using fresh = await withTestDatabase();
    await registerSealingKey(fresh.database, options.secretKeys);
    const done = await Promise.all(
      [1, 2].map(() => deploySystemWorkers({ ...options, database: fresh.database })),
    );
    expect(
      done
        .flat()
        .map(({ version }) => version ?? 0)
        .sort(),
    ).toEqual([0, 0, 1, 1]);
  }, 60_000);
});

const gitHub = { clientId: "id", clientSecret: "secret", url: "https://github.com" };

describe("an API that cannot be put live", () => {
  let written: ReturnType<typeof spyOn> | undefined;
  afterEach(() => written?.mockRestore());

  test("is said in one sentence, and stops nothing: somebody's worker has its name", async () => {
    await using older = await withTestDatabase();
    await registerSealingKey(older.database, options.secretKeys);
    const { id } = await createUser(older.database, "early");
    await older.database.kysely.transaction().execute(async (transaction) => {
      await sql`set local session_replication_role = replica`.execute(transaction);
      await sql`insert into workers (id, name, owner_id) values (gen_random_uuid(), 'identity', ${id})`.execute(
        transaction,
      );
    });
    const stderr = spyOn(process.stderr, "write").mockImplementation(() => true);
    written = stderr;
    const output = new Output({ json: true });
    const serves = () => true;
    expect(await startApi({ ...options, database: older.database, output, serves })).toBeUndefined();
    const said = stderr.mock.calls.map(([text]) => String(text)).join("");
    expect(said).toContain('The API is off; all else works. There is a worker "identity" already');
  });
});

describe("settings of the API", () => {
  test.each([
    [{ OW_REGISTRATION: "maybe" }, "OW_REGISTRATION"],
    [{ OW_API_URL: "api.example.com" }, "OW_API_URL"],
    [{ OW_GITHUB_CLIENT_ID: "id" }, "go together"],
    [{ OW_GITHUB_CLIENT_ID: "id", OW_GITHUB_CLIENT_SECRET: "s", OW_GITHUB_URL: "ftp://x" }, "OW_GITHUB_URL"],
  ])("%p are refused by name", (env, says) => {
    expect(() => readSystemSettings(env)).toThrow(says);
  });
});
