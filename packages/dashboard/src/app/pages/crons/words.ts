import { parseCron } from "@openworkers/core/cron-schedule";
import { OpenWorkersError } from "@openworkers/core/errors";
import cronstrue from "cronstrue";

/** What an expression means: in words, and by the platform's own schedule. */
export interface Outlook {
  /** Undefined where there are none for it, although it can be used. */
  readonly words?: string;
  /** Unix milliseconds. */
  readonly runs: readonly number[];
  /** What is wrong with it; nothing is known of its runs then. */
  readonly problem?: string;
}

/** The next `count` due times after `after`, and the words for them. */
export function outlookOf(expression: string, timezone: string, after: number, count = 5): Outlook {
  try {
    const schedule = parseCron(expression, timezone);
    const runs: number[] = [];
    for (let due = schedule.next(after); due !== undefined && runs.length < count; due = schedule.next(due)) {
      runs.push(due);
    }
    const words = wordsOf(expression);
    return { runs, ...(words === undefined ? {} : { words }) };
  } catch (thrown) {
    if (!(thrown instanceof OpenWorkersError)) throw thrown;
    return { runs: [], problem: thrown.message.replace(/^The cron ".*" cannot be used: /s, "") };
  }
}

/** An expression that the platform takes, in words; undefined where there are none. */
export function wordsOf(expression: string): string | undefined {
  const fields = expression.trim().split(/\s+/);
  const weekday = fields.at(-1) ?? "";
  // `+` makes both days have to fit; other dialects know none.
  const both = weekday.startsWith("+");
  const known = both ? [...fields.slice(0, -1), weekday.slice(1)] : fields;
  try {
    const text = cronstrue.toString(known.join(" "), {
      dayOfWeekStartIndexZero: false,
      use24HourTimeFormat: true,
      throwExceptionOnParseError: true,
    });
    // With a day of month and a day of week either is enough, which "and" does not say.
    return both ? text : text.replace(/ of the month, and /, " of the month, or ");
  } catch {
    return undefined;
  }
}

const parts = {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
} as const;

/** A due time as clocks of a time zone show it. */
export function formatDue(time: number, timeZone: string): string {
  return new Intl.DateTimeFormat(undefined, { ...parts, timeZone }).format(time);
}

export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** UTC and the reader's own first. */
export const zones: readonly string[] = [...new Set(["UTC", ownZone, ...Intl.supportedValuesOf("timeZone")])];
