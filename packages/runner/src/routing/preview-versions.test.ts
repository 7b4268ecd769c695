import { expect, test } from "bun:test";
import { defaultLimits, isOpenWorkersError, newId, OpenWorkersError } from "@openworkers/core";
import type { FoundVersion } from "@openworkers/db";
import { PreviewVersions } from "./preview-versions.ts";

function found(worker: string, version: number): FoundVersion {
  return {
    workerId: newId<"worker">(),
    worker,
    versionId: newId<"version">(),
    version,
    environmentId: null,
    environmentRevision: 0,
    assets: false,
    limits: defaultLimits,
  };
}

test("a version is asked for once, however many want it at once or later", async () => {
  let asked = 0;
  const previews = new PreviewVersions(async (worker, version) => {
    asked++;
    return found(worker, version);
  });
  const [first, second] = await Promise.all([previews.resolve("a", 1), previews.resolve("a", 1)]);
  expect(first?.version).toBe(1);
  expect([second, previews.resolve("a", 1)]).toEqual([first, first]);
  expect(asked).toBe(1);
});

test("that there is none is remembered too, for as many as there is room", async () => {
  let asked = 0;
  const find = async () => {
    asked++;
    return undefined;
  };
  const previews = new PreviewVersions(find, { maxEntries: 2 });
  for (const version of [1, 1, 2, 1, 3]) await previews.resolve("a", version);
  expect(asked).toBe(3);
  // The least recently used was 2.
  await previews.resolve("a", 1);
  expect(asked).toBe(3);
  await previews.resolve("a", 2);
  expect(asked).toBe(4);
});

test("a changed worker is asked for again, also when it changed while it was asked for", async () => {
  const answers: ((version: FoundVersion | undefined) => void)[] = [];
  const previews = new PreviewVersions(() => new Promise((resolve) => answers.push(resolve)));
  const first = previews.resolve("a", 1);
  previews.forget("a");
  answers[0]?.(undefined);
  expect(await first).toBeUndefined();
  const second = previews.resolve("a", 1);
  answers[1]?.(found("a", 1));
  const target = await second;
  if (target === undefined) throw new Error("not found");
  expect(previews.has(target)).toBe(true);
  previews.forget("a");
  expect(previews.has(target)).toBe(false);
});

test("what was seen before is used while the database is away", async () => {
  let away = false;
  const find = async (worker: string, version: number) => {
    if (away) throw new OpenWorkersError("DATABASE_UNAVAILABLE", "away");
    return found(worker, version);
  };
  const previews = new PreviewVersions(find, { foundMs: 0 });
  const before = await previews.resolve("a", 1);
  away = true;
  expect(await previews.resolve("a", 1)).toBe(before);
  expect(previews.resolve("a", 2)).rejects.toThrow("away");
});

test("a flood of questions is answered in part, and the rest is turned away", async () => {
  let running = 0;
  let most = 0;
  const answers: (() => void)[] = [];
  const previews = new PreviewVersions(
    async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => answers.push(resolve));
      running--;
      return undefined;
    },
    { maxLookups: 2, maxWaiting: 3 },
  );
  const outcomes = Promise.allSettled(
    Array.from({ length: 10 }, async (_, version) => previews.resolve("a", version)),
  );
  for (let i = 0; i < 5; i++) {
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    answers.shift()?.();
  }
  const rejected = (await outcomes).filter(({ status }) => status === "rejected");
  expect([most, rejected.length]).toEqual([2, 5]);
  expect(rejected.every((one) => "reason" in one && isOpenWorkersError(one.reason, "OVERLOADED"))).toBe(true);
});
