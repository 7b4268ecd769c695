const dayMs = 86_400_000;

/** Days since 1970-01-01 in UTC: what partitions are told apart by. */
export type Day = number;

export function dayOf(time: number): Day {
  return Math.floor(time / dayMs);
}

/** When a day begins, in Unix milliseconds. */
export function startOf(day: Day): number {
  return day * dayMs;
}

/** `2026-11-23`. */
export function formatDay(day: Day): string {
  return new Date(startOf(day)).toISOString().slice(0, 10);
}

/** The oldest day whose records are kept: all of it was within `days` days until then. */
export function oldestKept(now: number, days: number): Day {
  return dayOf(now) - days;
}
