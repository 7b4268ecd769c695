import { expect, test } from "bun:test";
import { formatDuration, formatShare } from "./amounts.ts";

test("durations are in the largest unit that they fill", () => {
  expect([0, 100, 30_000, 90_000, 5_400_000, 172_800_000].map(formatDuration)).toEqual([
    "0 ms",
    "100 ms",
    "30 s",
    "1.5 min",
    "1.5 h",
    "2 d",
  ]);
});

test("a share of nothing is none", () => {
  expect([formatShare(1, 40), formatShare(0, 0)]).toEqual(["2.5 %", "–"]);
});
