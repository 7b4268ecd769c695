import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testFolder } from "../testing/files.ts";
import { sweepRuntimeDirs } from "./sweep-runtime-dirs.ts";

const hour = 3_600_000;

test("runtime directories that were left empty go when nobody has touched them for a while, and no others", async () => {
  await using folder = await testFolder();
  const name = (number: number) => `openworkers-${String(number).padStart(12, "0")}`;
  const make = (...path: string[]) => mkdirSync(join(folder.path, ...path), { recursive: true });
  make(name(1));
  make(name(2), "cells");
  make(name(3), "cells", "123", "alive");
  make(name(4), "logs");
  make("openworkers-notes");
  make("elsewhere");
  symlinkSync(join(folder.path, "elsewhere"), join(folder.path, name(5)));
  writeFileSync(join(folder.path, name(6)), "");
  const before = readdirSync(folder.path).sort();
  sweepRuntimeDirs(folder.path);
  expect(readdirSync(folder.path).sort()).toEqual(before);
  sweepRuntimeDirs(folder.path, Date.now() + 2 * hour);
  const kept = before.filter((entry) => entry !== name(1) && entry !== name(2));
  expect(readdirSync(folder.path).sort()).toEqual(kept);
  expect(readdirSync(join(folder.path, name(3), "cells", "123"))).toEqual(["alive"]);
});
