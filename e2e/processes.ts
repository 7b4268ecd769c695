import { readdir, readFile } from "node:fs/promises";

/** A process of this machine at one time: a pid alone may be given to another one later. */
export interface ProcessRef {
  readonly pid: number;
  /** Clock ticks since boot at which it started; `/proc/<pid>/stat` field 22. */
  readonly started: string;
  readonly command: string;
}

interface Stat extends ProcessRef {
  readonly parent: number;
  readonly zombie: boolean;
}

async function statOf(pid: number): Promise<Stat | undefined> {
  try {
    const [stat, cmdline] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "latin1"),
      readFile(`/proc/${pid}/cmdline`, "latin1"),
    ]);
    // The name stands in parentheses and may hold anything: the fields start after the last one (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    return {
      pid,
      started: fields[19] ?? "",
      parent: Number(fields[1]),
      zombie: fields[0] === "Z",
      command: cmdline.replaceAll("\0", " ").trim() || name,
    };
  } catch {
    return undefined; // It ended while we looked.
  }
}

async function allProcesses(): Promise<Stat[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(pids.map(statOf));
  return stats.filter((stat) => stat !== undefined);
}

/** The process and everything it started, directly or not, that is alive now. */
export async function familyOf(root: number): Promise<ProcessRef[]> {
  const all = await allProcesses();
  const family = new Set([root]);
  for (let before = 0; before !== family.size; ) {
    before = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid, zombie }) => family.has(pid) && !zombie);
}

/** Those of `processes` that still run, and whatever else names `text` on its command line. */
export async function stillRunning(processes: readonly ProcessRef[], text: string): Promise<ProcessRef[]> {
  const known = new Set(processes.map(({ pid, started }) => `${pid} ${started}`));
  const all = await allProcesses();
  return all.filter(
    ({ pid, started, command, zombie }) =>
      !zombie && (known.has(`${pid} ${started}`) || command.includes(text)) && pid !== process.pid,
  );
}
