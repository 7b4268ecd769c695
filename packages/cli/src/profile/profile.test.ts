import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isOpenWorkersError } from "@openworkers/core";
import { serveStatus } from "../live-logs/server.ts";
import { type TestFolder, testFolder } from "../testing/files.ts";
import { chooseProfile, type Profile, writeProfile } from "./profile.ts";

let home: TestFolder;
let before: string | undefined;
beforeEach(async () => {
  home = await testFolder();
  before = process.env.OW_HOME;
  process.env.OW_HOME = home.path;
});
afterEach(async () => {
  if (before === undefined) delete process.env.OW_HOME;
  else process.env.OW_HOME = before;
  await home[Symbol.asyncDispose]();
});

/** A platform as far as a profile knows it: something that answers on the logs' socket. */
async function platform(name: string, startedAt: number): Promise<AsyncDisposable> {
  const logsSocket = join(home.path, `${name}/live.sock`);
  await using parts = new AsyncDisposableStack();
  parts.use(
    serveStatus(logsSocket, { serves: () => false, readers: async () => 0, counts: async () => new Map() }),
  );
  parts.use(await writeProfile(profile(name, startedAt, logsSocket)));
  return parts.move();
}

function profile(name: string, startedAt: number, logsSocket: string): Profile {
  return {
    version: 1,
    name,
    port: startedAt,
    baseDomain: "localhost",
    databaseUrl: "postgres://ow:password@localhost/ow",
    dataDir: "/data",
    logsSocket,
    sandbox: "bubblewrap",
    pid: process.pid,
    startedAt,
  };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw new Error(`expected NOT_FOUND, got ${thrown}`);
  return `${thrown.message} ${thrown.hint}`;
}

test("a profile, which holds a password, can be read by its owner alone", async () => {
  await using _one = await platform("one", 1);
  expect(statSync(join(home.path, "profiles")).mode & 0o777).toBe(0o700);
  expect(statSync(join(home.path, "profiles/one.json")).mode & 0o777).toBe(0o600);
});

test("of several platforms the last started is used, unless a name or a port says otherwise", async () => {
  await using _one = await platform("one", 1001);
  await using _two = await platform("two", 1002);
  expect((await chooseProfile()).name).toBe("two");
  expect((await chooseProfile({ name: "one" })).name).toBe("one");
  expect((await chooseProfile({ port: 1001 })).name).toBe("one");
  expect(await refusal(chooseProfile({ name: "three" }))).toBe(
    "No platform is running as three. Running: two (port 1002), one (port 1001).",
  );
});

test("a stopped platform leaves no profile", async () => {
  await (await platform("one", 1))[Symbol.asyncDispose]();
  expect(readdirSync(join(home.path, "profiles"))).toEqual([]);
});

test("what a killed platform left behind does not count as running", async () => {
  await writeProfile(profile("killed", 9, join(home.path, "nobody.sock")));
  expect(await refusal(chooseProfile())).toContain("Start one with `ow up`");
  await using _one = await platform("one", 1);
  expect((await chooseProfile()).name).toBe("one");
});

test("a platform does not remove the profile of one that took its name", async () => {
  const old = await writeProfile(profile("same", 1, "/nowhere"));
  await using _new = await platform("same", 2);
  await old[Symbol.asyncDispose]();
  expect((await chooseProfile()).startedAt).toBe(2);
});

test("profiles that cannot be read are not taken for none", async () => {
  writeFileSync(join(home.path, "profiles"), "a file where the folder should be");
  await expect(chooseProfile({})).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("ENOTDIR"),
  });
});
