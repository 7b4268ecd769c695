import { InvalidArgumentError } from "commander";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** An option's value such as `30s`, `5m` or `1h`, in milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit = ""] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const factor = unitMs[unit];
  if (number === undefined || factor === undefined)
    throw new InvalidArgumentError("Give a time such as 30s, 5m or 1h.");
  return Number(number) * factor;
}
