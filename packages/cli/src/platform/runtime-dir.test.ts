import { afterEach, beforeEach, expect, test } from "bun:test";
import { statfsSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { runtimeDirFor } from "./runtime-dir.ts";

const dataDirs = ["/some/data", `/${"long/".repeat(50)}data`];
const made: string[] = [];
beforeEach(() => made.splice(0));
afterEach(async () => {
  for (const path of made) await rm(path, { recursive: true, force: true });
});

test("a data directory has one runtime directory, short enough for sockets, that others may only pass through", () => {
  for (const dataDir of dataDirs) {
    const path = runtimeDirFor(dataDir);
    made.push(path);
    expect(runtimeDirFor(dataDir)).toBe(path);
    expect(path.length).toBeLessThanOrEqual(60 - "/cells".length);
    expect(statSync(path).mode & 0o777).toBe(0o711);
  }
  expect(new Set(made).size).toBe(dataDirs.length);
});

const inMemory = (path: string) => statfsSync(path).type === 0x01021994;

test.skipIf(process.platform !== "linux" || !inMemory("/dev/shm"))("it is in memory", () => {
  const path = runtimeDirFor("/some/other/data");
  made.push(path);
  expect(inMemory(path)).toBe(true);
});
