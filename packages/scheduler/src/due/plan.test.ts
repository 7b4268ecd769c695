import { describe, expect, test } from "bun:test";
import { newId, parseCron } from "@openworkers/core";
import { type DueCron, maxOpen, planDue } from "./plan.ts";

const minute = 60_000;
const hour = 60 * minute;
const midnight = Date.parse("2026-11-02T00:00:00Z");

function cron(change: Partial<DueCron> = {}): DueCron {
  return {
    id: newId<"cron">(),
    workerId: newId<"worker">(),
    expression: "* * * * *",
    timezone: "UTC",
    late: "once",
    lateCap: 100,
    overlap: "allow",
    wallMs: 1_000,
    nextDue: midnight,
    open: 0,
    ...change,
  };
}

function plan(due: DueCron, now: number, horizon = now) {
  return planDue(due, parseCron(due.expression, due.timezone), now, horizon);
}

test("a due time within the horizon becomes an event, and the next one is beyond it", () => {
  expect(plan(cron(), midnight - 2_000, midnight + 1_000)).toEqual({
    events: [{ dueAt: midnight, missed: 0 }],
    next: midnight + minute,
  });
});

test("due times that are less than a minute late all run, whatever the policy", () => {
  for (const late of ["skip", "once", "all"] as const) {
    const { events, next } = plan(cron({ expression: "*/10 * * * * *", late }), midnight + 45_000);
    expect(events).toEqual([0, 10, 20, 30, 40].map((s) => ({ dueAt: midnight + s * 1_000, missed: 0 })));
    expect(next).toBe(midnight + 50_000);
  }
});

describe("after an outage of two hours, an hourly cron", () => {
  const now = midnight + 2 * hour + 5 * minute;
  const due = { expression: "0 * * * *" };
  const next = midnight + 3 * hour;

  test("with `skip` does not run, and says how many due times it missed", () => {
    expect(plan(cron({ ...due, late: "skip" }), now)).toEqual({
      events: [{ dueAt: midnight + 2 * hour, missed: 2, skipped: "late" }],
      next,
    });
  });

  test("with `once` runs for the newest", () => {
    expect(plan(cron({ ...due, late: "once" }), now)).toEqual({
      events: [{ dueAt: midnight + 2 * hour, missed: 2 }],
      next,
    });
  });

  test("with `all` runs for each, up to its cap", () => {
    expect(plan(cron({ ...due, late: "all" }), now).events.map(({ dueAt }) => dueAt)).toEqual([
      midnight,
      midnight + hour,
      midnight + 2 * hour,
    ]);
    expect(plan(cron({ ...due, late: "all", lateCap: 2 }), now)).toEqual({
      events: [
        { dueAt: midnight + hour, missed: 1 },
        { dueAt: midnight + 2 * hour, missed: 0 },
      ],
      next,
    });
  });
});

test("with `once`, a due time that is in time stands for those that are late", () => {
  expect(plan(cron(), midnight + 10 * minute + 5_000)).toEqual({
    events: [{ dueAt: midnight + 10 * minute, missed: 10 }],
    next: midnight + 11 * minute,
  });
  expect(plan(cron({ late: "skip" }), midnight + 10 * minute + 5_000).events).toEqual([
    { dueAt: midnight + 10 * minute, missed: 10 },
  ]);
});

test("a horizon beyond the next due time does not make a late one pass for it", () => {
  const now = midnight + 2 * hour - 1_000;
  expect(plan(cron({ expression: "0 * * * *" }), now, now + 3_000)).toEqual({
    events: [
      { dueAt: midnight + hour, missed: 1 },
      { dueAt: midnight + 2 * hour, missed: 0 },
    ],
    next: midnight + 3 * hour,
  });
});

test("a year of seconds is planned as quickly as a minute, and counted up to a thousand", () => {
  const { events } = plan(cron({ expression: "* * * * * *" }), midnight + 365 * 24 * hour);
  expect(events).toHaveLength(61);
  expect(events[0]?.missed).toBe(1_000);
});

test("with overlap `skip`, a due time is skipped while an earlier run goes on, be it of the same plan", () => {
  const due = { expression: "*/30 * * * * *", overlap: "skip" } as const;
  expect(plan(cron({ ...due, open: 1 }), midnight).events).toEqual([
    { dueAt: midnight, missed: 0, skipped: "overlap" },
  ]);
  expect(plan(cron(due), midnight + 30_000).events).toEqual([
    { dueAt: midnight, missed: 0 },
    { dueAt: midnight + 30_000, missed: 0, skipped: "overlap" },
  ]);
});

test("a cron whose events nobody runs makes no more than a hundred", () => {
  expect(plan(cron({ open: maxOpen }), midnight).events).toEqual([
    { dueAt: midnight, missed: 0, skipped: "backlog" },
  ]);
  expect(plan(cron({ open: maxOpen - 1 }), midnight).events).toEqual([{ dueAt: midnight, missed: 0 }]);
});

test("a cron that is never due again has no next due time", () => {
  const only = { expression: "0 0 29 2 *", nextDue: Date.parse("2028-02-29T00:00:00Z") };
  const schedule = { ...parseCron(only.expression), next: () => undefined };
  expect(planDue(cron(only), schedule, only.nextDue, only.nextDue)).toEqual({
    events: [{ dueAt: only.nextDue, missed: 0 }],
    next: undefined,
  });
});

test("a clock that is set back finds nothing due", () => {
  expect(plan(cron(), midnight - hour)).toEqual({ events: [], next: midnight });
});
