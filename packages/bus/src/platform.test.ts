import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "@openworkers/core";
import { openPlatformBus } from "./platform.ts";
import { code, on, testStream } from "./testing/contract-rig.ts";
import { startTestNats } from "./testing/nats.ts";
import { bytes } from "./testing/text.ts";

setDefaultTimeout(60_000);

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "ow-test-bus-"));
  chmodSync(directory, 0o711);
  directories.push(directory);
  return directory;
}

const open = (dataDir: string, env: Record<string, string> = {}, report: Report = () => {}) =>
  openPlatformBus({ dataDir, env: { PATH: process.env.PATH ?? "", ...env }, report });
const nowhere = { PATH: "/nowhere" };
const stream = testStream();

test("a platform runs the nats-server that it finds, and is within its process without one", async () => {
  await using own = await open(newDirectory());
  expect([own.bus.kind, own.description]).toEqual(["nats", "a nats-server of its own"]);
  await using local = await open(newDirectory(), nowhere);
  expect([local.bus.kind, local.description]).toEqual(["local", "the bus within this process"]);
});

test("a platform uses the NATS that it is told of, and starts none", async () => {
  await using nats = await startTestNats();
  const dataDir = newDirectory();
  await using named = await open(dataDir, { NATS_URL: nats.servers.join() });
  await named.bus.declare(stream);
  await named.bus.publish(on(stream, "a"), bytes("x"), { id: "1" });
  expect((await (await nats.connect()).streamState(stream.name)).messages).toBe(1);
  expect(existsSync(join(dataDir, "nats"))).toBe(false);
});

test("a data directory keeps to the bus that its events are in, unless told otherwise", async () => {
  const dataDir = newDirectory();
  for (const env of [nowhere, {}]) {
    await using found = await open(dataDir, env);
    expect(found.bus.kind).toBe("local");
    await found.bus.declare(stream);
    await found.bus.publish(on(stream, "a"), bytes("x"), { id: Bun.randomUUIDv7() });
  }
  const left: unknown[] = [];
  const report: Report = (_, { bus }) => left.push(bus);
  {
    await using told = await open(dataDir, { OW_BUS: "nats" }, report);
    expect(told.bus.kind).toBe("nats");
  }
  expect(await code(open(dataDir, nowhere))).toBe("CONFIG_INVALID");
  await using again = await open(dataDir, { ...nowhere, OW_BUS: "local" }, report);
  expect(left).toEqual(["local", "nats"]);
  expect((await again.bus.streamState(stream.name)).messages).toBe(2);
  expect(await code(open(newDirectory(), { OW_BUS: "kafka" }))).toBe("CONFIG_INVALID");
});
