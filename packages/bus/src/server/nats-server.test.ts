import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { z } from "zod";
import { connectNats } from "../nats/connect.ts";
import { code, on, Seen, testConsumer, testStream, until } from "../testing/contract-rig.ts";
import { bytes } from "../testing/text.ts";
import { type NatsServer, startNatsServer } from "./nats-server.ts";

setDefaultTimeout(60_000);

const root = process.getuid?.() === 0;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function newDirectory(mode = 0o711): string {
  const directory = mkdtempSync(join(tmpdir(), "ow-test-nats-"));
  chmodSync(directory, mode);
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function start(dataDir: string, reports?: Seen<string>): Promise<NatsServer> {
  const server = await startNatsServer({ dataDir, report: (message) => reports?.add(message) });
  if (server === undefined) throw new Error("there is no nats-server on the PATH");
  cleanups.push(() => server[Symbol.asyncDispose]());
  return server;
}

async function connectTo(connection: NatsServer["connection"], connectMs = 10_000) {
  const bus = await connectNats({ ...connection, connectMs, report: () => {} });
  cleanups.push(() => bus[Symbol.asyncDispose]());
  return bus;
}

// One that has ended may wait for whoever inherits it to ask how.
const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
const stream = testStream({ retention: "work" });

test("a nats-server of our own keeps what was published over a stop and a start", async () => {
  const dataDir = newDirectory();
  {
    await using server = await start(dataDir);
    const bus = await connectTo(server.connection);
    await bus.declare(stream);
    await bus.publish(on(stream, "a"), bytes("x"), { id: "1" });
    await bus[Symbol.asyncDispose]();
  }
  const server = await start(dataDir);
  const bus = await connectTo(server.connection);
  expect(await bus.streamState(stream.name)).toMatchObject({ messages: 1, lastSeq: 1 });
});

test("it listens on 127.0.0.1 alone and lets nobody in without the key", async () => {
  const server = await start(newDirectory());
  const { servers } = server.connection;
  const listening = Bun.spawnSync(["ss", "--no-header", "--listening", "--tcp", "--numeric", "--processes"]);
  const own = listening.stdout
    .toString()
    .split("\n")
    .filter((line) => line.includes(`pid=${server.pid},`));
  expect(own.map((line) => line.trim().split(/\s+/)[3])).toEqual([...servers]);
  const stranger = new TextDecoder().decode(nkeys.createUser().getSeed());
  for (const options of [{}, { user: "a", password: "b" }, { nkeySeed: stranger }]) {
    expect(await code(connectNats({ servers, ...options, connectMs: 5_000, report: () => {} }))).toBe(
      "CONFIG_INVALID",
    );
  }
});

test("its directory and what is in it are its own, and no secret is in it", async () => {
  const dataDir = newDirectory();
  const server = await start(dataDir);
  const directory = join(dataDir, "nats", "server");
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, "nats.conf")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(directory, "nats.conf"), "utf8")).not.toContain(server.connection.nkeySeed ?? "?");
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
  if (root) expect(uid).toBeGreaterThan(0);
  expect(uid).toBe(statSync(directory).uid);
  expect(/^CapEff:\s+(\w+)/m.exec(status)?.[1]).toMatch(/^0+$/);
});

test("it is reached, too, where its account may not pass: below a directory that is private", async () => {
  const dataDir = newDirectory(0o700);
  const server = await start(dataDir);
  const bus = await connectTo(server.connection);
  await bus.declare(stream);
  await bus.publish(on(stream, "a"), bytes("x"), { id: "1" });
  expect(existsSync(join(dataDir, "nats", "server", "jetstream"))).toBe(true);
});

test("it is started again when it dies, and buses go on", async () => {
  const reports = new Seen<string>();
  const server = await start(newDirectory(), reports);
  const bus = await connectTo(server.connection);
  await bus.declare(stream);
  const seen = new Seen<string>();
  await bus.consume(testConsumer(stream), async (message) => seen.add(message.id));
  for (const id of ["1", "2"]) {
    const before = server.pid;
    process.kill(before ?? 0, "SIGKILL");
    await bus.publish(on(stream, "a"), bytes("x"), { id, timeoutMs: 30_000 });
    await until(() => server.pid !== undefined && server.pid !== before);
  }
  // An acknowledgement may have died with the server: then the message comes again when its time is up.
  await until(() => new Set(seen.all).size === 2);
  expect(reports.all).toContain("nats-server ended and is started again.");
});

test("a directory is one server's at a time", async () => {
  const dataDir = newDirectory();
  const server = await start(dataDir);
  expect(await code(startNatsServer({ dataDir, report: () => {} }))).toBe("DATA_DIR_IN_USE");
  expect(isAlive(server.pid ?? 0)).toBe(true);
});

test("it ends with its owner, however that ends, and what was stored is there for the next", async () => {
  const dataDir = newDirectory();
  const owner = Bun.spawn([process.execPath, join(import.meta.dir, "testing", "owner.ts"), dataDir], {
    stdout: "pipe",
    stderr: "inherit",
  });
  cleanups.push(() => owner.kill("SIGKILL"));
  const schema = z.object({ pid: z.int(), servers: z.array(z.string()), nkeySeed: z.string() });
  const said = Promise.withResolvers<z.infer<typeof schema>>();
  void (async () => {
    for await (const line of owner.stdout.pipeThrough(new TextDecoderStream()))
      said.resolve(schema.parse(JSON.parse(line)));
  })();
  const { pid, ...connection } = await said.promise;
  const bus = await connectTo(connection);
  await bus.declare(stream);
  await bus.publish(on(stream, "a"), bytes("x"), { id: "1" });
  owner.kill("SIGKILL");
  await owner.exited;
  // It may still be ending; the next start waits for it.
  const server = await start(dataDir);
  expect(isAlive(pid)).toBe(false);
  expect((await (await connectTo(server.connection)).streamState(stream.name)).messages).toBe(1);
});

test("there is none when there is no program", async () => {
  const dataDir = newDirectory();
  expect(await startNatsServer({ dataDir, path: "/nowhere", report: () => {} })).toBeUndefined();
  expect(existsSync(join(dataDir, "nats"))).toBe(false);
});

test("a server that cannot start says why", async () => {
  const dataDir = newDirectory();
  const attempt = startNatsServer({ dataDir, maxBytes: Number.NaN, report: () => {} });
  expect(await attempt.catch((thrown) => thrown)).toMatchObject({
    code: "BUS_UNAVAILABLE",
    message: expect.stringMatching(/max_file_store|NaN/),
  });
});
