import { type DatabaseLimits, databaseLimitsSchema, resolveDatabaseLimits } from "@openworkers/core";
import { UsageError } from "../output/failure.ts";
import { formatBytes, formatMs } from "../output/format.ts";

const names = Object.keys(databaseLimitsSchema.shape) as (keyof DatabaseLimits)[];
const units: Readonly<Record<string, number>> = {
  KB: 2 ** 10,
  MB: 2 ** 20,
  GB: 2 ** 30,
  TB: 2 ** 40,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Limits as they are written on a command line: `statementMs=60s`, `sizeBytes=10GB`, `connections=20`. Plain numbers are in
 * the unit of the name.
 *
 * @throws UsageError for what is none; OpenWorkersError INVALID_LIMIT for one out of bounds
 */
export function parseLimits(texts: readonly string[]): Partial<DatabaseLimits> {
  const limits = Object.fromEntries(texts.map(parseLimit));
  resolveDatabaseLimits(limits);
  return limits;
}

function parseLimit(text: string): [keyof DatabaseLimits, number] {
  const [, name, digits, unit] = /^(\w+)=(\d+)(\w*)$/.exec(text) ?? [];
  const limit = names.find((candidate) => candidate === name);
  if (limit === undefined) {
    throw new UsageError(`"${text}" is no limit. Write name=number, with a name of ${names.join(", ")}.`);
  }
  const factor = unit === "" || unit === undefined ? 1 : units[unit];
  const fits =
    unit === "" || (unit !== undefined && (limit.endsWith("Bytes") ? /B$/ : /^(ms|s|m|h)$/).test(unit));
  if (factor === undefined || !fits || (unit !== "" && !/(Bytes|Ms)$/.test(limit))) {
    throw new UsageError(`"${text}": KB, MB, GB and TB go with bytes; ms, s, m and h with times.`);
  }
  return [limit, Number(digits) * factor];
}

/** `10 GiB`, `30.0 s`, `10`: a limit for people. */
export function formatLimit(name: string, value: number): string {
  if (name.endsWith("Bytes")) return formatBytes(value);
  return name.endsWith("Ms") ? formatMs(value) : String(value);
}
