import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { processesIn, signalProcess } from "@openworkers/core/host";
import { errorCode } from "../faults.ts";

/** What `postmaster.pid` says, or `undefined` when there is none: process id, and whether it takes sessions. */
export function postmaster(dataPath: string): { pid: number; ready: boolean } | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataPath, "postmaster.pid"), "utf8");
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  // Line 1 is the pid, line 8 the status (PostgreSQL's src/include/utils/pidfile.h).
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  return Number.isInteger(pid) && pid > 1 ? { pid, ready: lines[7]?.trim() === "ready" } : undefined;
}

// Each signal, and how long it may take: fast shutdown, immediate shutdown (crash recovery follows), the kernel's.
const steps: readonly (readonly [NodeJS.Signals, number])[] = [
  ["SIGINT", 15_000],
  ["SIGQUIT", 5_000],
  ["SIGKILL", 5_000],
];

/**
 * Ends the PostgreSQL that a killed owner left running in `dataPath`, and removes the `postmaster.pid` and the
 * socket's lock that one which was killed left behind: PostgreSQL itself would refuse to start when the pid in
 * them has been given to another process. Only whoever holds the directory's lock may call this.
 */
export async function clearLeftovers(dataPath: string, socketDirectory: string): Promise<void> {
  if (process.platform !== "linux") return; // PostgreSQL's own check of postmaster.pid has to do
  for (const [signal, patienceMs] of steps) {
    const running = processesIn(dataPath);
    if (running.length === 0) break;
    const main = postmaster(dataPath)?.pid;
    // Children of a dead postmaster end by themselves, and ignore SIGINT while they do.
    const targets = main !== undefined && running.includes(main) && signal !== "SIGKILL" ? [main] : running;
    for (const pid of targets) signalProcess(pid, signal);
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline && processesIn(dataPath).length > 0) await Bun.sleep(10);
  }
  rmSync(join(dataPath, "postmaster.pid"), { force: true });
  for (const name of readdirSync(socketDirectory)) {
    if (name.startsWith(".s.PGSQL.")) rmSync(join(socketDirectory, name));
  }
}
