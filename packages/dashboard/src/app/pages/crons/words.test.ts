import { describe, expect, test } from "bun:test";
import { parseCron } from "@openworkers/core/cron-schedule";
import { outlookOf, wordsOf } from "./words.ts";

// 2026-11-01 is a Sunday.
const after = Date.parse("2026-10-31T12:00:00Z");

describe("the words for an expression say what the platform does:", () => {
  const table: [expression: string, words: string, first: string][] = [
    ["*/5 * * * *", "Every 5 minutes", "2026-10-31T12:05:00Z"],
    ["0 17 * * 1", "At 17:00, only on Sunday", "2026-11-01T17:00:00Z"],
    ["10 7 * * 2-6", "At 07:10, Monday through Friday", "2026-11-02T07:10:00Z"],
    ["10 7 * * mon-fri", "At 07:10, Monday through Friday", "2026-11-02T07:10:00Z"],
    ["0 0 * * 7", "At 00:00, only on Saturday", "2026-11-07T00:00:00Z"],
    ["0 0 * * L", "At 00:00, only on Saturday", "2026-11-07T00:00:00Z"],
    ["0 18 * * 6L", "At 18:00, on the last Friday of the month", "2026-11-27T18:00:00Z"],
    ["0 18 * * friL", "At 18:00, on the last Friday of the month", "2026-11-27T18:00:00Z"],
    ["59 23 LW * *", "At 23:59, on the last weekday of the month", "2026-11-30T23:59:00Z"],
    ["0 0 L * *", "At 00:00, on the last day of the month", "2026-11-30T00:00:00Z"],
    ["0 0 15W * *", "At 00:00, on the weekday nearest day 15 of the month", "2026-11-16T00:00:00Z"],
    ["0 0 * * 2#1", "At 00:00, on the first Monday of the month", "2026-11-02T00:00:00Z"],
    ["0 0 13 * 6", "At 00:00, on day 13 of the month, or on Friday", "2026-11-06T00:00:00Z"],
    ["0 0 13 * +6", "At 00:00, on day 13 of the month, and on Friday", "2026-11-13T00:00:00Z"],
    [
      "0 0 1,15 1,2,3 2",
      "At 00:00, on day 1 and 15 of the month, or on Monday, only in January, February, and March",
      "2027-01-01T00:00:00Z",
    ],
    ["15 * * * * *", "At 15 seconds past the minute", "2026-10-31T12:00:15Z"],
    ["0 0 1 JAN *", "At 00:00, on day 1 of the month, only in January", "2027-01-01T00:00:00Z"],
  ];
  test.each(table)("%s", (expression, words, first) => {
    const outlook = outlookOf(expression, "UTC", after);
    expect(outlook.words).toBe(words);
    expect(outlook.runs).toHaveLength(5);
    expect(new Date(outlook.runs[0] ?? 0).toISOString()).toBe(first.replace("Z", ".000Z"));
    expect(outlook.runs[1]).toBe(parseCron(expression).next(outlook.runs[0] ?? 0));
  });
});

test("runs are those of the cron's own time zone", () => {
  const [first] = outlookOf("0 9 * * *", "Europe/Berlin", Date.parse("2026-11-01T12:00:00Z")).runs;
  expect(new Date(first ?? 0).toISOString()).toBe("2026-11-02T08:00:00.000Z");
});

test("what the platform refuses has its reason and no words, whatever another dialect would say", () => {
  for (const [expression, problem] of [
    ["", "It has 0 fields"],
    ["@daily", "It has 1 fields"],
    ["0 0 * * 0", "1 (Sunday) to 7"],
    ["0 0 30 2 *", "never due"],
    ['a"b * * * *', "illegal characters"],
  ] as const) {
    const outlook = outlookOf(expression, "UTC", after);
    expect(outlook).toMatchObject({ runs: [], problem: expect.stringContaining(problem) });
    expect(outlook.words).toBeUndefined();
  }
  expect(outlookOf("* * * * *", "Nowhere/None", after).problem).toContain("is not a time zone");
});

test("an expression without words is used all the same", () => {
  expect(wordsOf("0 0 15W,L * *")).toBeUndefined();
  expect(outlookOf("0 0 15W,L * *", "UTC", after).runs).toHaveLength(5);
});
