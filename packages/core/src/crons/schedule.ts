import { Cron } from "croner";
import { messageOf, OpenWorkersError } from "../errors.ts";

/** The times at which a cron is due; all of them Unix milliseconds, whole seconds. */
export interface CronSchedule {
  /** The first due time after `after`; undefined when there is none any more. */
  next(after: number): number | undefined;
  /** The last `count` due times from `from` to `until`, both included, the oldest first. */
  newest(count: number, from: number, until: number): number[];
}

export const maxCronLength = 255;
export const maxTimezoneLength = 64;

/**
 * Reads a cron expression of five fields (minute, hour, day of month, month, day of week) or six (with the second before
 * them), in Cloudflare's dialect: days of the week are 1 (Sunday) to 7 (Saturday) or names, `L` is the last day, `15W` the
 * weekday nearest the 15th, `2#1` the first Monday. When day of month and day of week are both given, either is enough.
 *
 * Where clocks are set forward, a cron with one time of day runs at the first moment after the gap, and others leave the
 * gap out; where they are set back, the first kind runs once and the others run in both hours.
 *
 * @param timezone an IANA name
 * @throws OpenWorkersError INVALID_INPUT with what is wrong; also when it is never due
 */
export function parseCron(expression: string, timezone = "UTC"): CronSchedule {
  checkTimezone(timezone);
  const pattern = patternOf(expression);
  let cron: Cron;
  try {
    cron = new Cron(pattern, {
      paused: true,
      mode: "5-or-6-parts",
      alternativeWeekdays: true,
      sloppyRanges: true,
      // Twenty times as fast as the time zone UTC: no Intl.
      ...(timezone === "UTC" ? { utcOffset: 0 } : { timezone }),
    });
  } catch (thrown) {
    throw wrong(expression, messageOf(thrown).replace(/^CronPattern: /, ""), thrown);
  }
  const schedule: CronSchedule = {
    next: (after) => cron.nextRun(new Date(after))?.getTime(),
    newest: (count, from, until) =>
      cron
        // A run at the very moment counts; croner leaves that out.
        .previousRuns(count, new Date(until + 1))
        .map((date) => date.getTime())
        .filter((time) => time >= from && time <= until)
        .reverse(),
  };
  if (schedule.next(0) === undefined) throw wrong(expression, "It is never due.");
  return schedule;
}

const form = "Give five fields (minute hour day month weekday), or six with the second first: docs/crons.md.";

function patternOf(expression: string): string {
  const fields = expression.trim().split(/\s+/);
  if (expression.length > maxCronLength) {
    throw wrong(`${expression.slice(0, 40)}…`, `It has more than ${maxCronLength} characters.`);
  }
  if (fields.length < 5 || fields.length > 6) {
    throw wrong(expression, `It has ${expression.trim() === "" ? 0 : fields.length} fields.`);
  }
  // croner would take these for every n-th; no other dialect has them.
  if (fields.some((field) => /(^|,)\//.test(field))) throw wrong(expression, "A step needs a start: */5.");
  const weekday = fields.at(-1) ?? "";
  // croner counts on, to a Sunday; 0 it refuses by an index of its own.
  if (/(^|[-,+])(0|8)\b/.test(weekday)) {
    throw wrong(expression, "Days of the week go from 1 (Sunday) to 7 (Saturday).");
  }
  return weekday.toUpperCase() === "L" ? [...fields.slice(0, -1), "7"].join(" ") : fields.join(" ");
}

function checkTimezone(timezone: string): void {
  const hint = "Give a name such as UTC, Europe/Berlin or America/New_York.";
  try {
    if (timezone.length > maxTimezoneLength || !/^[A-Za-z]/.test(timezone)) throw new RangeError();
    new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", `"${timezone.slice(0, 80)}" is not a time zone.`, {
      field: "timezone",
      cause,
      hint,
    });
  }
}

function wrong(expression: string, problem: string, cause?: unknown): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", `The cron "${expression}" cannot be used: ${problem}`, {
    field: "expression",
    hint: form,
    cause,
  });
}
