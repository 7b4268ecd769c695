import { expect, test } from "bun:test";
import { formatBytes, formatDuration, formatShare } from "./amounts.ts";

test("bytes are in powers of 1024, with one digit at most behind the point", () => {
  expect([0, 1023, 1024, 1536, 100 * 2 ** 20, 5 * 2 ** 30, 2 ** 60].map(formatBytes)).toEqual([
    "0 bytes",
    "1,023 bytes",
    "1 KiB",
    "1.5 KiB",
    "100 MiB",
    "5 GiB",
    "1,048,576 TiB",
  ]);
});

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
