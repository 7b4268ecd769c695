import { OpenWorkersError, startupMs } from "@openworkers/core";
import { openCpuClock } from "../os/cpu-clock.ts";

const clock = openCpuClock();
const sampleMs = 25;
/** CPU time is what a worker is held to; a machine too busy to give it any ends the wait here. */
const wallMs = 10 * startupMs;

/**
 * Rejects when process `pid` has used `startupMs` of CPU time since the call, or ten times that has passed on
 * the clock. Never resolves; `signal` ends the watch.
 *
 * @throws OpenWorkersError START_FAILED
 */
export async function startupDeadline(pid: number, signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const began = performance.now();
  const before = clock(pid) ?? 0;
  const timer = setInterval(() => {
    // A process that is gone uses nothing more; its exit is its owner's to report.
    const used = process.platform === "linux" ? (clock(pid) ?? before) - before : performance.now() - began;
    if (used > startupMs) reject(tooSlow(`${startupMs} ms of CPU time`));
    else if (performance.now() - began > wallMs) reject(tooSlow(`${wallMs / 1_000} s`));
  }, sampleMs);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return promise.finally(() => clearInterval(timer));
}

function tooSlow(limit: string): OpenWorkersError {
  return new OpenWorkersError("START_FAILED", `The worker's top level did not end within ${limit}.`, {
    hint: "Move work from the top level of your modules into a handler.",
    details: { startupMs },
  });
}
