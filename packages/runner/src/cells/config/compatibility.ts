import { OpenWorkersError } from "@openworkers/core";

/**
 * Flags that no worker gets, whatever `--experimental` would say: they open workerd's test hooks, or promise
 * what this platform does not keep. workerd refuses every other experimental flag by itself, because cells run
 * without `--experimental`.
 */
const refused: ReadonlyMap<string, string> = new Map([
  ["experimental", "it opens workerd's unfinished features"],
  ["unsafe_module", "it opens workerd's test hooks"],
  ["allow_insecure_inefficient_logged_eval", "it is for workerd's own tests"],
  ["python_workers", "Python workers fetch their interpreter at start, and cells have no network"],
  ["no_nodejs_als", "log lines are attributed to requests by AsyncLocalStorage"],
]);

/** Without it a worker never learns that its client has left. From `default` on it is in the compatibility date. */
const requestSignal = {
  enable: "enable_request_signal",
  disable: "disable_request_signal",
  // workerd 1.20261117 says so in a warning when the flag comes with a later date.
  default: "2026-11-17",
} as const;

/**
 * The flags that a cell is given: the worker's own; AsyncLocalStorage, which the prelude needs; and
 * `request.signal`, unless the worker turns it off.
 *
 * @param date the worker's compatibility date
 * @throws OpenWorkersError INVALID_INPUT for a flag that no worker gets.
 */
export function cellFlags(wanted: readonly string[], date: string): string[] {
  for (const flag of wanted) {
    const reason = refused.get(flag);
    if (reason === undefined) continue;
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `The compatibility flag "${flag}" is not available: ${reason}.`,
      {
        hint: "Take it out of compatibility_flags.",
        details: { flag },
      },
    );
  }
  const flags = new Set([...wanted, "nodejs_als"]);
  if (date < requestSignal.default && !flags.has(requestSignal.disable)) flags.add(requestSignal.enable);
  return [...flags];
}
