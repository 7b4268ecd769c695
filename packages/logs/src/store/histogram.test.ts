import { expect, test } from "bun:test";
import { bucketOf, buckets, percentileOf } from "./histogram.ts";

test("a percentile is off by at most 9.1 %, from 0.1 ms to 15 minutes", () => {
  for (let wallMs = 0.101; wallMs < 900_000; wallMs *= 1.013) {
    const counts: number[] = Array(buckets).fill(0);
    counts[bucketOf(wallMs)] = 1;
    const told = percentileOf(counts, 0.5) ?? 0;
    expect(Math.max(told / wallMs, wallMs / told)).toBeLessThanOrEqual(2 ** (1 / 8) * 1.000_001);
  }
});

test("percentiles are those of what was counted", () => {
  const counts: number[] = Array(buckets).fill(0);
  const count = (wallMs: number, times: number) => {
    counts[bucketOf(wallMs)] = (counts[bucketOf(wallMs)] ?? 0) + times;
  };
  count(10, 98);
  count(1_000, 2);
  expect(percentileOf(counts, 0.5)).toBeCloseTo(10, -0.3);
  expect(percentileOf(counts, 0.98)).toBeLessThan(11);
  expect(percentileOf(counts, 0.99)).toBeGreaterThan(900);
  expect(percentileOf([], 0.5)).toBeUndefined();
});

test("times that are no times have a bucket, too", () => {
  for (const wallMs of [0, -1, Number.NaN]) expect(bucketOf(wallMs)).toBe(0);
  expect(bucketOf(1e300)).toBe(buckets - 1);
});
