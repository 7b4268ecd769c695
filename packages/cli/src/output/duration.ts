import { UsageError } from "./failure.ts";

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30d`, `12h`, `15m` or `90s` in milliseconds. */
export function parseDuration(text: string): number {
  const ms = durationOf(text);
  if (ms === undefined || ms === 0) throw new UsageError(`"${text}" is no time such as 30d, 12h or 15m.`);
  return ms;
}

/** A time so long ago (`15m`), or one in ISO 8601, in Unix milliseconds. */
export function parseMoment(text: string): number {
  const ms = durationOf(text);
  if (ms !== undefined) return Date.now() - ms;
  const moment = Date.parse(text);
  if (Number.isNaN(moment)) throw new UsageError(`"${text}" is no time such as 15m or 2026-11-22T17:05:00Z.`);
  return moment;
}

function durationOf(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = unitMs[unit];
  return ms === undefined ? undefined : Number(number) * ms;
}
