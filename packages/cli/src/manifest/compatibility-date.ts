import { OpenWorkersError } from "@openworkers/core";
import workerdPackage from "workerd/package.json" with { type: "json" };

export interface CompatibilityDates {
  /** The newest date that the runtime knows. */
  readonly newest: string;
  /** Today's date in UTC. */
  readonly today: string;
}

/** workerd's versions are `1.<yyyymmdd>.<n>`, the date being the newest compatibility date it accepts. */
export function newestCompatibilityDate(version: string = workerdPackage.version): string {
  const match = /^\d+\.(\d{4})(\d{2})(\d{2})\./.exec(version);
  if (!match) throw new OpenWorkersError("INTERNAL", `workerd's version ${version} holds no date.`);
  return match.slice(1).join("-");
}

/**
 * The date a worker runs with: the one it asks for, else the newest that is not in the future. A fresh worker
 * thus starts with current behaviour, and each deploy stores the date it was given.
 *
 * @throws OpenWorkersError INVALID_MANIFEST when it asks for one that the runtime does not know yet.
 */
export function resolveCompatibilityDate(wanted: string | undefined, dates = currentDates()): string {
  const [newest = dates.newest] = [dates.newest, dates.today].sort();
  if (wanted === undefined) return newest;
  if (wanted > dates.newest) {
    throw new OpenWorkersError(
      "INVALID_MANIFEST",
      `compatibility_date is ${wanted}; this release's runtime knows dates up to ${dates.newest}.`,
      { hint: `Set it to ${newest}, or install a newer release.` },
    );
  }
  return wanted;
}

function currentDates(): CompatibilityDates {
  return { newest: newestCompatibilityDate(), today: new Date().toISOString().slice(0, 10) };
}
