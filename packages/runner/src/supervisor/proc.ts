import { readdirSync, readFileSync, statSync } from "node:fs";

const pageBytes = 4_096;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined; // the process is gone, or the kernel keeps this file from us: the caller does without
  }
}

/** Resident memory that belongs to the process alone (anonymous pages), in bytes; see proc_pid_statm(5). */
export function privateBytes(pid: number): number | undefined {
  const fields = read(`/proc/${pid}/statm`)?.split(" ");
  if (fields === undefined) return undefined;
  return (Number(fields[1]) - Number(fields[2])) * pageBytes;
}

/** Files that a process has open: sockets and pipes are files. Undefined when the process is gone, or nobody says. */
export function openFiles(pid: number | "self"): number | undefined {
  const folder = `/proc/${pid}/fd`;
  try {
    // Linux 6.2 and later say so without making a list; before, it is 0.
    return statSync(folder).size || readdirSync(folder).length;
  } catch {
    return undefined;
  }
}

/** Memory the system can still give out, as a share of all of it; 1 where the kernel does not say. */
export function availableMemoryShare(): number {
  const text = read("/proc/meminfo");
  const total = /MemTotal:\s+(\d+)/.exec(text ?? "")?.[1];
  const available = /MemAvailable:\s+(\d+)/.exec(text ?? "")?.[1];
  return total === undefined || available === undefined ? 1 : Number(available) / Number(total);
}
