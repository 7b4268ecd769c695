import { readdirSync, readFileSync } from "node:fs";

/** CPU time that a process has used, all its threads together, in milliseconds; 0 when it is gone. */
export function cpuMs(pid: number): number {
  let ns = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    }
  } catch {
    // Threads and processes end while we look; whoever asks learns of it from `exited`.
  }
  return ns / 1e6;
}
