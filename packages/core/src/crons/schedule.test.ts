import { describe, expect, test } from "bun:test";
import { parseCron } from "./schedule.ts";

/** The next `count` due times after `from`. */
function dues(expression: string, timezone: string, from: string, count: number): string[] {
  const schedule = parseCron(expression, timezone);
  const found: string[] = [];
  let after = Date.parse(from);
  while (found.length < count) {
    const due = schedule.next(after);
    if (due === undefined) break;
    found.push(new Date(due).toISOString().replace(".000Z", "Z"));
    after = due;
  }
  return found;
}

describe("an expression is read in Cloudflare's dialect:", () => {
  // 2026-11-01 is a Sunday.
  const after = "2026-10-31T12:00:00Z";
  const table: [string, string][] = [
    ["0 17 * * 1", "2026-11-01T17:00:00Z"],
    ["0 17 * * sun", "2026-11-01T17:00:00Z"],
    ["10 7 * * 2-6", "2026-11-02T07:10:00Z"],
    ["10 7 * * mon-fri", "2026-11-02T07:10:00Z"],
    ["0 0 * * 7", "2026-11-07T00:00:00Z"],
    ["0 0 * * L", "2026-11-07T00:00:00Z"],
    ["0 18 * * 6L", "2026-11-27T18:00:00Z"],
    ["0 18 * * friL", "2026-11-27T18:00:00Z"],
    ["59 23 LW * *", "2026-11-30T23:59:00Z"],
    ["0 0 L * *", "2026-11-30T00:00:00Z"],
    ["0 0 15W * *", "2026-11-16T00:00:00Z"],
    ["0 0 * * 2#1", "2026-11-02T00:00:00Z"],
    ["0 15 1 * *", "2026-11-01T15:00:00Z"],
    ["0 0 13 * 6", "2026-11-06T00:00:00Z"],
    ["*/30 * * * *", "2026-10-31T12:30:00Z"],
    ["7/20 * * * *", "2026-10-31T12:07:00Z"],
    ["15 * * * * *", "2026-10-31T12:00:15Z"],
    ["  0   0 1 JAN *  ", "2027-01-01T00:00:00Z"],
    ["0 0 29 2 *", "2028-02-29T00:00:00Z"],
  ];
  for (const [expression, due] of table) {
    test(`${expression} is due at ${due}`, () => {
      expect(dues(expression, "UTC", after, 1)).toEqual([due]);
    });
  }
});

describe("an expression is refused with what is wrong when", () => {
  const table: [string, string, string][] = [
    ["it is empty", "", "It has 0 fields"],
    ["fields are missing", "* * * *", "It has 4 fields"],
    ["there are too many", "* * * * * * 2027", "It has 7 fields"],
    ["it is a date", "2030-01-01T00:00:00", "It has 1 fields"],
    ["it is words", "every day at noon please", "illegal characters"],
    ["a value is too large", "61 * * * *", "minute: 61"],
    ["Sunday is 0", "0 0 * * 0", "1 (Sunday) to 7"],
    ["a weekday is 8", "0 0 * * 8", "1 (Sunday) to 7"],
    ["a range of weekdays ends in 8", "0 0 * * 7-8", "1 (Sunday) to 7"],
    ["a step is 0", "*/0 * * * *", "stepping"],
    ["a step has no start", "/5 * * * *", "A step needs a start"],
    ["it is never due", "0 0 30 2 *", "never due"],
    ["no such month has the day", "0 0 31 4,6,9,11 *", "never due"],
    ["it is long", `${"1,".repeat(200)}1 * * * *`, "more than 255 characters"],
  ];
  for (const [when, expression, problem] of table) {
    test(when, () => {
      expect(() => parseCron(expression)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
      expect(() => parseCron(expression)).toThrow(problem);
    });
  }

  for (const timezone of ["", "Nowhere/None", "+02:00", "x".repeat(100)]) {
    test(`its time zone is "${timezone.slice(0, 20)}"`, () => {
      expect(() => parseCron("* * * * *", timezone)).toThrow("is not a time zone");
    });
  }
});

describe("where clocks are set forward,", () => {
  const table: [string, string, string, string[]][] = [
    // 02:00 to 03:00 does not exist on 29 March 2026.
    ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]],
    // … nor on 8 March.
    [
      "30 2 * * *",
      "America/New_York",
      "2026-03-07T12:00:00Z",
      ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
    ],
    // By half an hour, from 02:00 to 02:30, on 4 October.
    [
      "15 2 * * *",
      "Australia/Lord_Howe",
      "2026-10-03T12:00:00Z",
      ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    ],
  ];
  for (const [expression, timezone, from, expected] of table) {
    test(`${expression} in ${timezone} runs at the first moment after the gap`, () => {
      expect(dues(expression, timezone, from, 2)).toEqual(expected);
    });
  }

  test("a cron that runs every 30 minutes goes on every 30 minutes", () => {
    expect(dues("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", 4)).toEqual([
      "2026-03-29T00:30:00Z",
      "2026-03-29T01:00:00Z",
      "2026-03-29T01:30:00Z",
      "2026-03-29T02:00:00Z",
    ]);
  });

  test("a cron of several times within the gap leaves them out", () => {
    expect(dues("*/20 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00Z", 2)).toEqual([
      "2026-03-28T01:40:00Z",
      "2026-03-30T00:00:00Z",
    ]);
  });
});

describe("where clocks are set back,", () => {
  const table: [string, string, string, string[]][] = [
    // 02:00 to 03:00 comes twice on 25 October 2026.
    ["30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]],
    // 01:00 to 02:00 on 1 November.
    [
      "30 1 * * *",
      "America/New_York",
      "2026-10-31T12:00:00Z",
      ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    ],
    // 01:30 to 02:00 on 5 April.
    [
      "45 1 * * *",
      "Australia/Lord_Howe",
      "2026-04-04T12:00:00Z",
      ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    ],
  ];
  for (const [expression, timezone, from, expected] of table) {
    test(`${expression} in ${timezone} runs once`, () => {
      expect(dues(expression, timezone, from, 2)).toEqual(expected);
    });
  }

  test("a cron that runs every 30 minutes runs in both hours", () => {
    expect(dues("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 5)).toEqual([
      "2026-10-25T00:00:00Z",
      "2026-10-25T00:30:00Z",
      "2026-10-25T01:00:00Z",
      "2026-10-25T01:30:00Z",
      "2026-10-26T01:00:00Z",
    ]);
  });
});

describe("the newest due times", () => {
  const at = (text: string) => Date.parse(text);
  test("include both ends, the oldest first, and no more than were asked for", () => {
    const schedule = parseCron("*/5 * * * *");
    const until = at("2026-11-01T00:15:00Z");
    expect(schedule.newest(10, at("2026-11-01T00:05:00Z"), until)).toEqual([
      at("2026-11-01T00:05:00Z"),
      at("2026-11-01T00:10:00Z"),
      until,
    ]);
    expect(schedule.newest(1, 0, until)).toEqual([until]);
    expect(schedule.newest(1, 0, until - 1)).toEqual([at("2026-11-01T00:10:00Z")]);
    expect(schedule.newest(1, 0, until + 999)).toEqual([until]);
  });

  test("are as many with every second, however long ago the first was", () => {
    const schedule = parseCron("* * * * * *");
    const until = at("2026-11-01T00:00:00.400Z");
    expect(schedule.newest(3, 0, until)).toEqual([2, 1, 0].map((ago) => until - 400 - ago * 1_000));
  });
});
