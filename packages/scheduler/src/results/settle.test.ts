import { expect, test } from "bun:test";
import { type EventOutcome, newId, type ScheduledResult } from "@openworkers/core";
import { type OpenEvent, settle } from "./settle.ts";

const now = 1_000_000;
const open: OpenEvent = {
  state: "published",
  attempt: 1,
  requestId: null,
  redelivered: false,
  retries: 0,
  retryDelayMs: 10_000,
};

function result(change: Partial<ScheduledResult> = {}): ScheduledResult {
  return {
    v: 1,
    eventId: newId<"scheduled-event">(),
    cronId: newId<"cron">(),
    workerId: newId<"worker">(),
    attempt: 1,
    requestId: newId<"request">(),
    startedAt: now - 100,
    wallMs: 50,
    cpuMs: 5,
    outcome: "ok",
    noRetry: false,
    redelivered: false,
    ...change,
  };
}

test("a success ends the event", () => {
  const finished = { state: "finished", attempt: 1, redelivered: false, shown: true } as const;
  expect(settle(open, result(), now)).toEqual(finished);
  expect(settle({ ...open, retries: 5 }, result(), now)).toEqual(finished);
  // Its scheduler died before it wrote down that it is on the bus.
  expect(settle({ ...open, state: "waiting" }, result(), now)).toEqual(finished);
});

test("a failure is tried again as often as the cron says, and waits twice as long each time", () => {
  const failing = { ...open, retries: 3 };
  const delays = [1, 2, 3, 4].map((attempt) => {
    const settled = settle({ ...failing, attempt }, result({ attempt, outcome: "exception" }), now);
    return [settled?.state, settled?.attempt, settled?.publishAt && settled.publishAt - now];
  });
  expect(delays).toEqual([
    ["waiting", 2, 10_000],
    ["waiting", 3, 20_000],
    ["waiting", 4, 40_000],
    ["finished", 4, undefined],
  ]);
});

test("what cannot succeed, or is not to be tried again, is not", () => {
  const retrying = { ...open, retries: 3 };
  const ends = (change: Partial<ScheduledResult>, event: Partial<OpenEvent> = {}) =>
    settle({ ...retrying, ...event }, result(change), now)?.state;
  for (const outcome of ["no-handler", "not-found", "canceled"] as EventOutcome[]) {
    expect({ outcome, state: ends({ outcome }) }).toEqual({ outcome, state: "finished" });
  }
  for (const outcome of ["cpu-limit", "memory-limit", "wall-limit", "crashed"] as EventOutcome[]) {
    expect({ outcome, state: ends({ outcome }) }).toEqual({ outcome, state: "waiting" });
  }
  expect(ends({ outcome: "exception", noRetry: true })).toBe("finished");
  expect(ends({ outcome: "exception" }, { retries: null, retryDelayMs: null })).toBe("finished");
  expect(ends({ outcome: "exception" }, { state: "skipped" })).toBe("finished");
});

test("a worker that never began for want of a place is tried again without being asked for", () => {
  expect(settle(open, result({ outcome: "overloaded" }), now)).toMatchObject({
    state: "waiting",
    attempt: 2,
  });
  const last = { ...open, attempt: 6 };
  expect(settle(last, result({ outcome: "overloaded", attempt: 6 }), now)).toMatchObject({
    state: "finished",
  });
});

test("a result that is delivered again changes nothing", () => {
  const ended = result({ outcome: "exception" });
  const after = { ...open, requestId: ended.requestId };
  expect(settle({ ...after, state: "finished" }, ended, now)).toBeUndefined();
  expect(settle({ ...after, state: "waiting", attempt: 2 }, ended, now)).toBeUndefined();
});

test("an attempt that ran twice is said to have, and its first result stands", () => {
  const finished = { ...open, state: "finished", requestId: newId<"request">() } as const;
  const told = { state: "finished", attempt: 1, redelivered: true, shown: false } as const;
  expect(settle(finished, result({ outcome: "exception" }), now)).toEqual(told);
  expect(settle({ ...finished, redelivered: true }, result(), now)).toBeUndefined();
  expect(settle(open, result({ redelivered: true }), now)).toMatchObject({
    state: "finished",
    redelivered: true,
  });
  const next = { ...finished, state: "waiting", attempt: 2 } as const;
  expect(settle(next, result({ redelivered: true }), now)).toEqual({ ...told, state: "waiting", attempt: 2 });
  expect(settle(next, result(), now)).toBeUndefined();
});
