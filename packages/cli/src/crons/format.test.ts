import { expect, test } from "bun:test";
import { defaultCronPolicy, newId } from "@openworkers/core";
import type { StoredCron, StoredScheduledEvent } from "@openworkers/db";
import { eventRow, formatNext, formatPolicy, formatUntil } from "./format.ts";

const cron: StoredCron = {
  ...defaultCronPolicy,
  id: newId<"cron">(),
  worker: "hello",
  expression: "0 9 * * *",
  timezone: "Europe/Berlin",
  source: "user",
  paused: false,
  nextDue: new Date("2026-11-23T08:00:00Z"),
  problem: null,
  createdAt: new Date(0),
};

test("the next run is said in the cron's time zone, and how long it is until then", () => {
  const now = Date.parse("2026-11-23T04:00:00Z");
  expect(formatNext(cron, now)).toBe("Mon 23 Nov 09:00, in 4 h");
  expect(formatNext({ ...cron, nextDue: new Date("2026-11-23T04:00:05Z") }, now)).toBe(
    "Mon 23 Nov 05:00:05, in 5 s",
  );
  expect(formatNext({ ...cron, paused: true, nextDue: null }, now)).toBe("paused");
  expect(formatNext({ ...cron, nextDue: null, problem: "It is never due again." }, now)).toBe(
    "It is never due again.",
  );
});

test("times until then are rounded down to one unit", () => {
  expect([-5, 999, 1_000, 119_000, 7_199_000, 90_000_000].map(formatUntil)).toEqual([
    "now",
    "now",
    "in 1 s",
    "in 1 min",
    "in 1 h",
    "in 1 d",
  ]);
});

test("a policy is said where it differs from the default", () => {
  expect(formatPolicy(cron)).toBe("");
  expect(formatPolicy({ ...cron, retries: 3, late: "all", overlap: "skip", wallMs: 30_000 })).toBe(
    "retries 3; late all, 100 at most; overlap skip; timeout 30.0 s",
  );
});

test("what a worker threw cannot move the cursor, and a second run is told", () => {
  const event: StoredScheduledEvent = {
    id: newId<"scheduled-event">(),
    cronId: cron.id,
    cron: cron.expression,
    dueAt: new Date("2026-11-23T08:00:00Z"),
    manual: false,
    state: "finished",
    reason: null,
    missed: 2,
    attempt: 3,
    publishAt: new Date("2026-11-23T08:00:00Z"),
    publishedAt: null,
    requestId: null,
    startedAt: new Date("2026-11-23T08:00:00.150Z"),
    finishedAt: new Date("2026-11-23T08:00:01.350Z"),
    durationMs: 1_200,
    cpuMs: 3,
    outcome: "exception",
    error: "\x1b[2Jboom",
    redelivered: true,
  };
  expect(eventRow(event)).toEqual([
    "2026-11-23 08:00:00",
    "0 9 * * *",
    "exception",
    "150 ms",
    "1.2 s",
    "attempt 3; may have run twice; 2 missed before it; \\x1b[2Jboom",
  ]);
});
