import { expect, test } from "bun:test";
import { median, percentile, spread } from "./stats.ts";

test("a percentile is one of the values, by nearest rank", () => {
  const values = [15, 20, 35, 40, 50];
  expect([0.05, 0.3, 0.4, 0.5, 1].map((p) => percentile(values, p))).toEqual([15, 20, 20, 35, 50]);
  expect(percentile([], 0.5)).toBeNaN();
});

test("order does not matter, and is left alone", () => {
  const values = [3, 1, 2];
  expect(median(values)).toBe(2);
  expect(values).toEqual([3, 1, 2]);
});

test("spread is the half range over the median", () => {
  expect(spread([90, 100, 110])).toBeCloseTo(0.1);
});
