import { expect, test } from "bun:test";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { testFolder } from "../testing/files.ts";
import { Watcher } from "./watcher.ts";

const never = new AbortController().signal;

test("a watcher sees a file written, replaced, made beside it and removed", async () => {
  await using folder = await testFolder({ "src/index.ts": "1" });
  using watcher = new Watcher();
  watcher.watchFoldersOf([join(folder.path, "src/index.ts")]);
  const changes: (() => Promise<unknown>)[] = [
    () => folder.write({ "src/index.ts": "2" }),
    async () => {
      await folder.write({ "other.ts": "3" });
      await rename(join(folder.path, "other.ts"), join(folder.path, "src/index.ts"));
    },
    () => folder.write({ "src/new.ts": "4" }),
    () => rm(join(folder.path, "src/new.ts")),
  ];
  for (const change of changes) {
    const seen = watcher.change(never);
    await change();
    expect(await seen).toBe(true);
  }
});

test("a change between two waits is not lost", async () => {
  await using folder = await testFolder({ "index.ts": "1" });
  using watcher = new Watcher();
  watcher.watchFoldersOf([join(folder.path, "index.ts")]);
  const first = watcher.change(never);
  await folder.write({ "index.ts": "2" });
  expect(await first).toBe(true);
  await folder.write({ "index.ts": "3" });
  expect(await watcher.change(never)).toBe(true);
});

test("waiting ends when it is aborted", async () => {
  using watcher = new Watcher();
  const stop = new AbortController();
  const waiting = watcher.change(stop.signal);
  stop.abort();
  expect(await waiting).toBe(false);
  expect(await watcher.change(stop.signal)).toBe(false);
});
