import { expect, test } from "bun:test";
import { Backoff } from "./backoff.ts";

test("a worker may die four times in a row without waiting, then waits twice as long each time", () => {
  const backoff = new Backoff();
  const waits = Array.from({ length: 13 }, () => {
    backoff.died(0);
    return backoff.waitMs(0);
  });
  expect(waits).toEqual([0, 0, 0, 0, 1e3, 2e3, 4e3, 8e3, 16e3, 32e3, 60e3, 60e3, 60e3]);
});

test("one completed request ends the wait", () => {
  const backoff = new Backoff();
  for (let index = 0; index < 8; index += 1) backoff.died(0);
  backoff.served();
  expect(backoff.waitMs(0)).toBe(0);
});

test("the wait runs out", () => {
  const backoff = new Backoff();
  for (let index = 0; index < 5; index += 1) backoff.died(1_000);
  expect(backoff.waitMs(1_500)).toBe(500);
  expect(backoff.waitMs(2_000)).toBe(0);
});
