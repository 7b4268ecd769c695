import { expect, test } from "bun:test";
import type { Wire } from "@openworkers/core";
import { Stall } from "./stall.ts";

const wire = (blocked: boolean, written: number) => ({ blocked, written }) as Wire;

test("a peer that takes nothing is looked after ever more rarely, and given up in the end", () => {
  const stall = new Stall({ lookMs: 10, overMs: 100 });
  const looks: number[] = [];
  let over: number | undefined;
  for (let now = 0; over === undefined; now++) {
    const verdict = stall.check(now, wire(true, 7));
    if (verdict === "look") looks.push(now);
    if (verdict === "over") over = now;
  }
  expect(looks).toEqual([10, 20, 40, 80]);
  expect(over).toBe(101);
});

test("a peer that takes something, or has nothing to take, is left alone", () => {
  const stall = new Stall({ lookMs: 10, overMs: 100 });
  for (let now = 0; now < 1_000; now += 5) expect(stall.check(now, wire(true, now))).toBe("wait");
  for (let now = 1_000; now < 2_000; now += 5) expect(stall.check(now, wire(false, 7))).toBe("wait");
});
