import { ptr, read } from "bun:ffi";
import { readFileSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { OpenWorkersError } from "@openworkers/core";
import { libc, linux } from "./libc.ts";

/** Numbers of `RLIMIT_*` on Linux (asm-generic/resource.h; the same on x86_64 and aarch64). */
const resources = { fsize: 1, data: 2, stack: 3, core: 4, nproc: 6, nofile: 7, memlock: 8, msgqueue: 12 };

export type ResourceLimits = Readonly<Partial<Record<keyof typeof resources, number>>>;

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Lowers the resource limits of another process, soft and hard alike. `user` is who that process runs as,
 * when that is not who we run as.
 *
 * @throws OpenWorkersError INTERNAL when the kernel refuses: a limit that is not set is not a limit.
 */
export function setLimits(pid: number, limits: ResourceLimits, user?: User): void {
  const set = () => {
    for (const [name, number] of Object.entries(resources)) {
      const value = limits[name as keyof typeof resources];
      if (value === undefined) continue;
      const pair = new BigUint64Array([BigInt(value), BigInt(value)]);
      check(linux().prlimit(pid, number, pair, null), `RLIMIT_${name.toUpperCase()} of process ${pid}`);
    }
  };
  if (user === undefined) set();
  else withRealIds(user, set);
}

/**
 * Lets this process have as many files open as it may: the runner has one for each connection of each cell. Raises
 * the hard limit to the kernel's where it is allowed to (CAP_SYS_RESOURCE), else the soft one to the hard one.
 *
 * @returns the limit from now on
 */
export function raiseOpenFiles(): number {
  const most = BigInt(readFileSync("/proc/sys/fs/nr_open", "utf8").trim());
  const now = new BigUint64Array(2);
  check(linux().prlimit(0, resources.nofile, null, now), "RLIMIT_NOFILE of this process");
  const raised = new BigUint64Array([most, most]);
  if (linux().prlimit(0, resources.nofile, raised, null) === 0) return Number(most);
  // Read by pointer: compiled code may keep what a typed array held before the call.
  const hard = read.u64(ptr(now), 8);
  check(
    linux().prlimit(0, resources.nofile, new BigUint64Array([hard, hard]), null),
    "RLIMIT_NOFILE of this process",
  );
  return Number(hard);
}

// asm/unistd.h
const syscalls =
  process.arch === "arm64" ? { setresuid: 147, setresgid: 149 } : { setresuid: 117, setresgid: 119 };
const unchanged = -1;

/**
 * prlimit(2) lets a process lower the limits of another one with the same real ids, or have CAP_SYS_RESOURCE,
 * which containers do not. So this thread takes the cell's real ids for the length of `action`; the raw
 * system calls change the calling thread alone, and the effective ids, which count for everything else, stay.
 */
function withRealIds(user: User, action: () => void): void {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const setReal = (call: number, id: number) =>
    check(Number(libc().syscall(call, id, unchanged, unchanged)), `The runner's real id ${id}`);
  setReal(syscalls.setresgid, user.gid);
  try {
    setReal(syscalls.setresuid, user.uid);
    try {
      action();
    } finally {
      setReal(syscalls.setresuid, uid);
    }
  } finally {
    setReal(syscalls.setresgid, gid);
  }
}

function check(result: number, what: string): void {
  if (result === 0) return;
  throw new OpenWorkersError("INTERNAL", `${what} could not be set: ${getSystemErrorName(-libc().errno())}.`);
}

/** VmData of a process in bytes: what RLIMIT_DATA counts (proc(5)). */
export function dataBytes(pid: number): number {
  const kib = /^VmData:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new OpenWorkersError("INTERNAL", `/proc/${pid}/status has no VmData.`);
  return Number(kib) * 1_024;
}
