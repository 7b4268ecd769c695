import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { processesIn, signalProcess } from "@openworkers/core/host";
import { sql } from "kysely";
import { z } from "zod";
import { connect } from "../database.ts";
import { temporaryCluster } from "../testing.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { clearLeftovers, postmaster } from "./processes.ts";

setDefaultTimeout(60_000);
const fast = { durable: false } as const;
const root = process.getuid?.() === 0;
const ownerScript = join(import.meta.dir, "testing", "owner.ts");
const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const nobodyReachesUs =
  root &&
  Bun.spawnSync([...asNobody, "test", "-r", ownerScript, "-a", "-x", process.execPath]).exitCode === 0;
const owners: Bun.Subprocess[] = [];
afterEach(() => {
  for (const owner of owners.splice(0)) owner.kill("SIGKILL");
});

/** Another process with an embedded PostgreSQL on `dataDir`. */
async function startOwner(dataDir: string, prefix: string[] = []) {
  const child = Bun.spawn([...prefix, process.execPath, ownerScript, dataDir], {
    cwd: "/",
    stdout: "pipe",
    stderr: "inherit",
  });
  owners.push(child);
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    return { child, ...z.object({ pid: z.int(), url: z.string() }).parse(JSON.parse(text)) };
  }
  throw new Error("the owner ended without a word");
}

let made: Promise<string> | undefined;
/** A directory as a first start and a stop leave it: a copy, because making one takes a second. */
async function usedCluster(): Promise<string> {
  made ??= (async () => {
    const dataDir = temporaryCluster();
    await (await startEmbeddedPostgres({ dataDir, ...fast }))[Symbol.asyncDispose]();
    return dataDir;
  })();
  const dataDir = temporaryCluster();
  const copied = Bun.spawnSync(["cp", "--archive", await made, dataDir]);
  expect(copied.exitCode).toBe(0);
  return dataDir;
}

async function run(url: string, statement: string): Promise<unknown[]> {
  await using database = connect(url);
  return (await database.read((queries) => sql.raw(statement).execute(queries))).rows;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "it started",
    (thrown: unknown) => thrown,
  );
}

const isAlive = (pid: number, dataPath: string) => processesIn(dataPath).includes(pid);

describe("an embedded PostgreSQL", () => {
  test("is reached through a private socket alone, and by password alone", async () => {
    await using server = await startEmbeddedPostgres({ dataDir: await usedCluster(), ...fast });
    const settings = await run(
      server.url,
      "select name, setting from pg_settings where name in ('listen_addresses', 'unix_socket_permissions')",
    );
    expect(settings).toEqual([
      { name: "listen_addresses", setting: "" },
      { name: "unix_socket_permissions", setting: "0700" },
    ]);
    expect(statSync(server.socketDirectory).mode & 0o777).toBe(0o700);
    const tcp = Bun.spawnSync(["ss", "--no-header", "--listening", "--tcp", "--processes"]).stdout.toString();
    expect(tcp).not.toContain(`pid=${server.pid},`);
    const withoutPassword = server.url.replace(/&password=[^&]+/, "");
    expect(await rejection(run(withoutPassword, "select 1"))).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    const wrongPassword = withoutPassword.replace("?", "?password=guessed&");
    expect(await rejection(run(wrongPassword, "select 1"))).toMatchObject({ details: { code: "28P01" } });
  });

  test.if(root)("does not run as root, and has no way to become it", async () => {
    await using server = await startEmbeddedPostgres({ dataDir: await usedCluster(), ...fast });
    expect(server.launchedBy).toBe("setpriv");
    const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
    expect(status).not.toMatch(/^[UG]id:.*\b0\b/m);
    for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"])
      expect(status).toMatch(new RegExp(`^Cap${set}:\\s+0+$`, "m"));
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  });

  test.if(root)("runs below a directory that only root may enter", async () => {
    const dataDir = temporaryCluster();
    const closed = dirname(dataDir);
    chmodSync(closed, 0o700);
    await using server = await startEmbeddedPostgres({ dataDir, ...fast });
    expect(server.launchedBy).toBe("mount-namespace");
    expect(readFileSync(`/proc/${server.pid}/status`, "utf8")).toMatch(/^CapBnd:\s+0+$/m);
    expect(await run(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await server.stop();
    await server.start();
    expect(await run(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test.if(nobodyReachesUs)(
    "of an ordinary user runs as that user, and stops when its owner is killed",
    async () => {
      const dataDir = temporaryCluster();
      mkdirSync(dataDir);
      chownSync(dataDir, 65_534, 65_534);
      const { child, pid, url } = await startOwner(dataDir, asNobody);
      expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^Uid:\s+65534\s/m);
      expect(await run(url, "select 1 as one")).toEqual([{ one: 1 }]);
      child.kill("SIGKILL");
      await child.exited;
      await until(() => !isAlive(pid, join(dataDir, "data")));
    },
  );

  test("finds its data again, under the same URL", async () => {
    const dataDir = temporaryCluster();
    let url: string;
    {
      await using server = await startEmbeddedPostgres({ dataDir, ...fast });
      url = server.url;
      await run(url, "create table kept as select 42 as answer");
    }
    await using server = await startEmbeddedPostgres({ dataDir, ...fast });
    expect(server.url).toBe(url);
    expect(await run(url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("leaves neither process nor socket when it is disposed of", async () => {
    const dataDir = await usedCluster();
    {
      await using _server = await startEmbeddedPostgres({ dataDir, ...fast });
      expect(processesIn(join(dataDir, "data"))).not.toEqual([]);
    }
    expect(processesIn(join(dataDir, "data"))).toEqual([]);
    expect(postmaster(join(dataDir, "data"))).toBeUndefined();
    expect(readdirSync(join(dataDir, "run"))).toEqual([]);
  });

  test("keeps its socket's path short where its directory's is long, and takes the short one away with it", async () => {
    const dataDir = join(temporaryCluster(), "x".repeat(60), "y".repeat(60));
    let socketDirectory: string;
    {
      await using server = await startEmbeddedPostgres({ dataDir, ...fast });
      ({ socketDirectory } = server);
      expect(socketDirectory).not.toStartWith(dataDir);
      expect(await run(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    }
    expect(existsSync(socketDirectory)).toBe(false);
    expect(lstatSync(join(dataDir, "run"), { throwIfNoEntry: false })).toBeUndefined();
  });

  test("logs no value of a failed statement", async () => {
    const lines: string[] = [];
    await using server = await startEmbeddedPostgres({
      dataDir: await usedCluster(),
      ...fast,
      onLog: (line) => lines.push(line),
    });
    await run(server.url, "create table narrow (note text check (length(note) < 5))");
    await rejection(run(server.url, "insert into narrow values ('very-private')"));
    await server.stop();
    expect(lines.join("\n")).toContain("narrow_note_check");
    expect(lines.join("\n")).not.toContain("very-private");
  });

  test("stops and starts again while its owner goes on", async () => {
    await using server = await startEmbeddedPostgres({ dataDir: await usedCluster(), ...fast });
    const exits: unknown[] = [];
    server.onExit((exit) => exits.push(exit));
    await server.stop();
    expect(server.pid).toBeUndefined();
    await server.stop();
    await Promise.all([server.start(), server.start(), server.stop(), server.start()]);
    expect(await run(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(exits).toEqual([]);
  });

  test("tells its owner when it is killed, who starts it again", async () => {
    await using server = await startEmbeddedPostgres({ dataDir: await usedCluster(), ...fast });
    await run(server.url, "create table kept as select 42 as answer");
    const exit = Promise.withResolvers<unknown>();
    server.onExit(exit.resolve);
    if (server.pid === undefined) throw new Error("it does not run");
    signalProcess(server.pid, "SIGKILL");
    expect(await exit.promise).toMatchObject({ code: 128 + 9 });
    await server.start();
    expect(await run(server.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("does not start when it is told not to, and leaves the directory free", async () => {
    const dataDir = await usedCluster();
    const stopped = AbortSignal.abort(new Error("not now"));
    expect(await rejection(startEmbeddedPostgres({ dataDir, ...fast, signal: stopped }))).toEqual(
      new Error("not now"),
    );
    expect(processesIn(join(dataDir, "data"))).toEqual([]);
    await using server = await startEmbeddedPostgres({ dataDir, ...fast });
    expect(server.pid).toBeNumber();
  });

  test("that is told to stop while its directory is being made leaves none, and no process", async () => {
    const dataDir = temporaryCluster();
    const stopping = new AbortController();
    const starting = rejection(startEmbeddedPostgres({ dataDir, ...fast, signal: stopping.signal }));
    await until(() => existsSync(join(dataDir, "data.new", "PG_VERSION")));
    stopping.abort(new Error("not now"));
    expect(await starting).toEqual(new Error("not now"));
    expect(existsSync(join(dataDir, "data"))).toBe(false);
    await using server = await startEmbeddedPostgres({ dataDir, ...fast });
    expect(await run(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("says why when it cannot start", async () => {
    const dataDir = await usedCluster();
    writeFileSync(join(dataDir, "data", "postgresql.auto.conf"), "no_such_setting = on\n");
    expect(await rejection(startEmbeddedPostgres({ dataDir, ...fast }))).toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringContaining("no_such_setting"),
    });
  });
});

describe("a data directory", () => {
  test("in use is refused to a second process and to the same one, with the pid of the first", async () => {
    const dataDir = await usedCluster();
    const { child } = await startOwner(dataDir);
    expect(await rejection(startEmbeddedPostgres({ dataDir }))).toMatchObject({
      code: "DATA_DIR_IN_USE",
      details: { pid: child.pid },
    });
    const mine = await usedCluster();
    await using _server = await startEmbeddedPostgres({ dataDir: mine, ...fast });
    expect(await rejection(startEmbeddedPostgres({ dataDir: mine }))).toMatchObject({
      code: "DATA_DIR_IN_USE",
      details: { pid: process.pid },
    });
  });

  test("given to two that start at once is made by one of them", async () => {
    const dataDir = temporaryCluster();
    const started = await Promise.allSettled([1, 2].map(() => startEmbeddedPostgres({ dataDir, ...fast })));
    const won = started.filter((result) => result.status === "fulfilled").map(({ value }) => value);
    const lost = started
      .filter((result) => result.status === "rejected")
      .map(({ reason }): unknown => reason);
    for (const server of won) await server[Symbol.asyncDispose]();
    expect(won).toHaveLength(1);
    expect(lost).toMatchObject([{ code: "DATA_DIR_IN_USE" }]);
  });

  test("of a newer PostgreSQL or a newer platform is left alone", async () => {
    const newerPostgres = temporaryCluster();
    mkdirSync(join(newerPostgres, "data"), { recursive: true });
    writeFileSync(join(newerPostgres, "data", "PG_VERSION"), "19\n");
    expect(await rejection(startEmbeddedPostgres({ dataDir: newerPostgres }))).toMatchObject({
      code: "DATA_DIR_NEWER",
    });
    const newerPlatform = temporaryCluster();
    mkdirSync(newerPlatform);
    writeFileSync(join(newerPlatform, "layout"), "2\n");
    expect(await rejection(startEmbeddedPostgres({ dataDir: newerPlatform }))).toMatchObject({
      code: "DATA_DIR_NEWER",
    });
    expect(existsSync(join(newerPlatform, "data"))).toBe(false);
  });

  test("of an older PostgreSQL is refused with what to do", async () => {
    const dataDir = temporaryCluster();
    mkdirSync(join(dataDir, "data"), { recursive: true });
    writeFileSync(join(dataDir, "data", "PG_VERSION"), "17\n");
    expect(await rejection(startEmbeddedPostgres({ dataDir }))).toMatchObject({
      code: "CONFIG_INVALID",
      hint: expect.stringContaining("Dump"),
    });
  });

  test("half made by a start that was killed is made anew", async () => {
    const dataDir = temporaryCluster();
    mkdirSync(join(dataDir, "data.new", "base"), { recursive: true });
    writeFileSync(join(dataDir, "data.new", "PG_VERSION"), "18\n");
    await using server = await startEmbeddedPostgres({ dataDir, ...fast });
    expect(await run(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });
});

describe.if(process.platform === "linux")("after its owner was killed", () => {
  test("PostgreSQL stops by itself, and the next start has all that was committed", async () => {
    const dataDir = await usedCluster();
    const { child, pid, url } = await startOwner(dataDir);
    await run(url, "create table kept as select 42 as answer");
    child.kill("SIGKILL");
    await until(() => !isAlive(pid, join(dataDir, "data")));
    await using server = await startEmbeddedPostgres({ dataDir });
    expect(await run(server.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test.if(root)("PostgreSQL in a mount namespace stops by itself as well", async () => {
    const dataDir = await usedCluster();
    chmodSync(dirname(dataDir), 0o700);
    const { child, pid } = await startOwner(dataDir);
    child.kill("SIGKILL");
    await until(() => !isAlive(pid, join(dataDir, "data")));
  });

  test("a start while PostgreSQL is still stopping waits for it", async () => {
    const dataDir = await usedCluster();
    const { child, url } = await startOwner(dataDir);
    await run(url, "create table kept as select 42 as answer");
    child.kill("SIGKILL");
    await child.exited;
    await using server = await startEmbeddedPostgres({ dataDir });
    expect(await run(server.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("a start ends a PostgreSQL that did not notice", async () => {
    const dataDir = await usedCluster();
    const { child, pid } = await startOwner(dataDir);
    // A stopped process takes no signal but SIGKILL until it is continued.
    signalProcess(pid, "SIGSTOP");
    child.kill("SIGKILL");
    await child.exited;
    expect(isAlive(pid, join(dataDir, "data"))).toBe(true);
    signalProcess(pid, "SIGCONT");
    await using server = await startEmbeddedPostgres({ dataDir });
    expect(server.pid).not.toBe(pid);
    expect(isAlive(pid, join(dataDir, "data"))).toBe(false);
  });

  test("and everything with it, committed rows are there and stale files do not matter", async () => {
    const dataDir = await usedCluster();
    const dataPath = join(dataDir, "data");
    const { child, pid, url } = await startOwner(dataDir);
    await run(url, "create table kept as select 42 as answer");
    for (const process of processesIn(dataPath)) signalProcess(process, "SIGKILL");
    child.kill("SIGKILL");
    await child.exited;
    await until(() => processesIn(dataPath).length === 0);
    const stale = readFileSync(join(dataPath, "postmaster.pid"), "utf8");
    expect(stale).toStartWith(`${pid}\n`);
    // The pid has been given to another process since: PostgreSQL alone would take it for itself and refuse.
    writeFileSync(join(dataPath, "postmaster.pid"), stale.replace(`${pid}`, `${process.pid}`));
    await using server = await startEmbeddedPostgres({ dataDir });
    expect(await run(server.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("no process but PostgreSQL's is ever ended for a start", async () => {
    const dataDir = await usedCluster();
    const bystander = Bun.spawn(["sleep", "60"], { cwd: dataDir });
    writeFileSync(join(dataDir, "data", "postmaster.pid"), `${bystander.pid}\n`);
    await clearLeftovers(join(dataDir, "data"), join(dataDir, "run"));
    expect(bystander.exitCode).toBeNull();
    bystander.kill();
    await bystander.exited;
  });
});
