import { expect, test } from "bun:test";
import { newId, type UserId } from "@openworkers/core";
import { maxKeys, RateCounters } from "./counters.ts";

const [ada, bob]: [UserId, UserId] = [newId(), newId()];
const settings = { namespace: "1", limit: 2, periodSeconds: 10 } as const;

test("calls over the limit are told until the period that the first began has ended", () => {
  const counters = new RateCounters();
  const at = (now: number) => counters.take(ada, settings, "key", now);
  expect([0, 1, 2, 9_999, 10_000, 10_001, 10_002].map(at)).toEqual([
    true,
    true,
    false,
    false,
    true,
    true,
    false,
  ]);
});

test("owners, namespaces, keys and periods count apart", () => {
  const counters = new RateCounters();
  const once = { ...settings, limit: 1 };
  const take = (...[owner, given, key]: [UserId, typeof settings | typeof once, string]) =>
    counters.take(owner, given, key, 0);
  const minute = { ...once, periodSeconds: 60 } as const;
  const others = [
    take(ada, once, "key"),
    take(bob, once, "key"),
    take(ada, { ...once, namespace: "2" } as never, "key"),
    take(ada, once, "other"),
    counters.take(ada, minute, "key", 0),
    // The same text, divided elsewhere.
    take(ada, { ...once, namespace: "1:k" } as never, "ey"),
    take(ada, once, "k:ey"),
  ];
  expect(others).toEqual([true, true, true, true, true, true, true]);
  expect(take(ada, once, "key")).toBe(false);
});

test("keys of any length count, each by itself", () => {
  const counters = new RateCounters();
  const once = { ...settings, limit: 1 };
  const long = "k".repeat(50_000);
  expect([long, `${long}2`, long, ""].map((key) => counters.take(ada, once, key, 0))).toEqual([
    true,
    true,
    false,
    true,
  ]);
});

test("an owner's keys are bounded, and displace none of another's", () => {
  const counters = new RateCounters();
  const once = { ...settings, limit: 1 };
  counters.take(bob, once, "key", 0);
  for (let index = 0; index <= maxKeys; index++) counters.take(ada, once, `key-${index}`, 0);
  expect(counters.size).toBe(maxKeys + 1);
  expect(counters.take(bob, once, "key", 1)).toBe(false);
  expect(counters.take(ada, once, `key-${maxKeys}`, 1)).toBe(false);
  counters.sweep(10_000);
  expect(counters.size).toBe(0);
});
