import { expect, test } from "bun:test";
import { linesOf } from "./statistics.ts";

const minute = 60_000;
const step = {
  lines: 0,
  requests: 4,
  errors: 3,
  outcomes: { ok: 1, exception: 2, "cpu-limit": 1 },
  coldStarts: 1,
  cpuMs: 8,
  wallMs: 20,
  p50: 5,
  p99: 9,
};

test("steps without requests are zero where things are counted, and unknown where they are measured", () => {
  const lines = linesOf({
    from: 10 * minute + 5,
    to: 13 * minute,
    stepMs: minute,
    steps: [{ ...step, time: 11 * minute }],
  });
  expect(lines.times).toEqual([600, 660, 720]);
  expect(lines.requests).toEqual([0, 4, 0]);
  expect(lines.coldStarts).toEqual([0, 1, 0]);
  expect(lines.cpuMs).toEqual([null, 2, null]);
  expect(lines.p99).toEqual([null, 9, null]);
});

test("failures are told by how they ended, the commonest first, without what went well", () => {
  const { failures, sum } = linesOf({
    from: 0,
    to: minute,
    stepMs: minute,
    steps: [{ ...step, time: 0 }],
  });
  expect(failures).toEqual([
    { outcome: "exception", values: [2] },
    { outcome: "cpu-limit", values: [1] },
  ]);
  expect(sum).toEqual({ requests: 4, errors: 3, coldStarts: 1, cpuMs: 8, wallMs: 20 });
});
