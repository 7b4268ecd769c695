import { lstatSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** One that starts has nothing in its directory for a moment, which it has touched. */
const restMs = 3_600_000;

/**
 * Removes the runtime directories in `root` that runs have left empty: those that were killed early, and services whose
 * cells are gone. What holds anything belongs to a run, or to the next one on the same data.
 *
 * @param now milliseconds since 1970
 */
export function sweepRuntimeDirs(root: string, now = Date.now()): void {
  for (const name of readdirSync(root)) {
    if (!/^openworkers-[0-9a-f]{12}$/.test(name)) continue;
    const path = join(root, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // In /tmp and /dev/shm the name may be anybody's.
    if (stat?.isDirectory() !== true || stat.uid !== process.getuid?.()) continue;
    if (now - stat.ctimeMs < restMs) continue;
    removeEmpty(join(path, "cells"));
    removeEmpty(path);
  }
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
  }
}
