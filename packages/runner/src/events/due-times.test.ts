import { expect, test } from "bun:test";
import { DueTimes } from "./due-times.ts";

test("what waits for a time begins then and in order, those of an earlier time first", async () => {
  using times = new DueTimes();
  const due = Date.now() + 50;
  const begun: { readonly of: string; readonly at: number }[] = [];
  const wait = async (of: string, time: number) => {
    await times.until(time);
    begun.push({ of, at: Date.now() });
  };
  await Promise.all([
    wait("late 1", due + 30),
    wait("early 1", due),
    wait("late 2", due + 30),
    wait("early 2", due),
  ]);
  expect(begun.map(({ of }) => of)).toEqual(["early 1", "early 2", "late 1", "late 2"]);
  for (const { of, at } of begun) expect(at).toBeGreaterThanOrEqual(of.startsWith("early") ? due : due + 30);
});

test("many that are due at once leave other work its turns, and `begun` waits for the last", async () => {
  using times = new DueTimes();
  const due = Date.now() + 20;
  const count = 1_000;
  let begun = 0;
  const seenByOthers = new Set<number>();
  const all = Array.from({ length: count }, async () => {
    await times.until(due);
    begun += 1;
    setImmediate(() => seenByOthers.add(begun));
  });
  await times.until(due);
  await times.begun();
  expect(begun).toBe(count);
  await Promise.all(all);
  await new Promise((resolve) => setImmediate(resolve));
  expect(seenByOthers.size).toBeGreaterThan(2);
});

test("`begun` waits for nobody whose time has not come", async () => {
  using times = new DueTimes();
  let came = false;
  const waiting = times.until(Date.now() + 60_000).then(() => {
    came = true;
  });
  await times.begun();
  expect(came).toBe(false);
  times[Symbol.dispose]();
  await waiting;
});

test("disposing ends all waiting, also of those that were about to begin and of those that come later", async () => {
  const times = new DueTimes();
  const due = Date.now() + 10;
  const many = Array.from({ length: 500 }, () => times.until(due));
  const later = times.until(due + 60_000);
  await many[0];
  times[Symbol.dispose]();
  await Promise.all([...many, later, times.until(due + 60_000), times.begun()]);
});
