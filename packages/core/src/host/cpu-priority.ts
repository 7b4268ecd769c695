import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";

/**
 * Puts a process behind others while processors are scarce, or back among them. False when it stays as it is: the
 * process is gone, or nobody may do that here.
 */
export type CpuPriority = (pid: number, lowered: boolean) => boolean;

/**
 * With autogroups (sched(7)) every session, and so every cell, has a nice value of its own. A process in a control
 * group with processor shares is in no autogroup; there the nice value of its main thread counts, which is the one that
 * runs JavaScript. Whoever may lower the one and the other must be able to raise it again: without CAP_SYS_ADMIN the
 * kernel takes ten changes of autogroups a second from all processes together, without CAP_SYS_NICE no nice value
 * goes back.
 *
 * `loweredNice`: 5 is a third of the processor time of a process that is not lowered, when both want all, 10 a ninth
 * (sched(7)).
 */
export function openCpuPriority(loweredNice: number): CpuPriority {
  const setters: ((pid: number, nice: number) => void)[] = [];
  const mine = capabilities();
  if (mine.sysAdmin && autogroups()) {
    setters.push((pid, nice) => writeFileSync(`/proc/${pid}/autogroup`, String(nice)));
  }
  if (mine.sysNice) setters.push(setPriority);
  return (pid, lowered) => {
    try {
      for (const set of setters) set(pid, lowered ? loweredNice : 0);
      return setters.length > 0;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  };
}

/**
 * Puts a process that leads its session behind others for good, with all its threads. Returns whether it did: false when the
 * process is gone or another user's. Unlike what can be undone, this needs no capability.
 *
 * @param nice as for `openCpuPriority`
 */
export function lowerCpuPriority(pid: number, nice: number): boolean {
  try {
    if (autogroups()) writeFileSync(`/proc/${pid}/autogroup`, String(nice));
    // Elsewhere than on Linux, a process's priority is that of all its threads.
    const threads = process.platform === "linux" ? readdirSync(`/proc/${pid}/task`).map(Number) : [pid];
    for (const thread of threads) setPriority(thread, nice);
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

/** What this process may do, by the numbers of linux/capability.h; nothing where there is no such file. */
function capabilities(): { readonly sysAdmin: boolean; readonly sysNice: boolean } {
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(textOf("/proc/self/status") ?? "")?.[1] ?? "0";
  const has = (capability: bigint) => (BigInt(`0x${effective}`) & (1n << capability)) !== 0n;
  return { sysAdmin: has(21n), sysNice: has(23n) };
}

function autogroups(): boolean {
  return textOf("/proc/sys/kernel/sched_autogroup_enabled")?.trim() === "1";
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined; // a kernel without it, or not Linux: then there is nothing to be had
  }
}

// EAGAIN: the kernel takes so many changes of autogroups a second.
const { ESRCH, ENOENT, EPERM, EACCES, EAGAIN } = constants.errno;
const refusals: ReadonlySet<number> = new Set([-ESRCH, -ENOENT, -EPERM, -EACCES, -EAGAIN]);

function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error && "errno" in error && typeof error.errno === "number" && refusals.has(error.errno)
  );
}
