import { readFileSync } from "node:fs";

/** Seconds that the machine's processors have worked and rested since it was started (proc_stat(5), 100 ticks a second). */
function processorTime(): { busyS: number; totalS: number } {
  const line = readFileSync("/proc/stat", "latin1").split("\n", 1)[0] ?? "";
  // user nice system idle iowait irq softirq steal; guest time is in user already.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, value) => sum + value, 0);
  const resting = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busyS: (total - resting) / 100, totalS: total / 100 };
}

/**
 * Runs `work`, which says how much CPU time it has accounted for, and returns its result with the share of the machine (0–1)
 * that everything else used meanwhile. Precise to a few per cent for work of a second.
 */
export async function withDisturbance<T>(
  work: () => Promise<T>,
  accountedUs: (result: T) => number,
): Promise<{ result: T; others: number }> {
  const before = processorTime();
  const own = process.cpuUsage();
  const result = await work();
  const after = processorTime();
  const { user, system } = process.cpuUsage(own);
  const accountedS = (accountedUs(result) + user + system) / 1e6;
  const others = (after.busyS - before.busyS - accountedS) / (after.totalS - before.totalS);
  return { result, others: Math.max(0, others) };
}
