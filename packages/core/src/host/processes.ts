import { readdirSync, statSync } from "node:fs";

/** Sends a signal; a process that is no more is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ESRCH")) throw thrown;
  }
}

/**
 * The processes whose working directory is `directory`: a server of ours runs in its data directory. Compared by inode,
 * because one in a mount namespace calls the same directory by another name. Linux only; elsewhere none is found.
 */
export function processesIn(directory: string): number[] {
  if (process.platform !== "linux") return [];
  const wanted = statSync(directory);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const cwd = statSync(`/proc/${pid}/cwd`);
        return cwd.ino === wanted.ino && cwd.dev === wanted.dev;
      } catch {
        return false; // it has ended, or is another user's and so not ours
      }
    });
}
