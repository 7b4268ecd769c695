import { dlopen } from "bun:ffi";
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { OpenWorkersError } from "../errors.ts";

// flock(2): exclusive, and fail instead of waiting. The values are the same on Linux and macOS.
const LOCK_EX = 2;
const LOCK_NB = 4;

const libc = dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
  flock: { args: ["i32", "i32"], returns: "i32" },
});

/**
 * Takes a directory for this process alone. The kernel lets go of the lock when the process ends, however it
 * ends, so there is no stale lock to guess about.
 *
 * @throws OpenWorkersError DATA_DIR_IN_USE; `details.pid` is who has it.
 */
export function lockDirectory(directory: string): Disposable {
  return lockFile(join(directory, "lock"), directory);
}

/**
 * Takes `path` for this process alone, and with it what it stands for: `what` in the error.
 *
 * @throws OpenWorkersError DATA_DIR_IN_USE; `details.pid` is who has it.
 */
export function lockFile(path: string, what: string): Disposable {
  const fd = openSync(path, "a+", 0o600);
  if (libc.symbols.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(fd);
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
    throw new OpenWorkersError("DATA_DIR_IN_USE", `${what} is in use by process ${pid}.`, {
      hint: "Stop that one first, or choose another directory with --data.",
      details: { pid, directory: what },
    });
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  let held = true;
  return {
    [Symbol.dispose]() {
      if (held) closeSync(fd);
      held = false;
    },
  };
}
