import { defaultLimits } from "@openworkers/core";
import type { OpenWorkers } from "../contenders/openworkers.ts";

/**
 * Milliseconds by which the answer to an endless loop comes later than the CPU limit. Everything between is in it:
 * noticing, killing, collecting the process, and the answer's way back.
 */
export async function measureKillDelay(platform: OpenWorkers, count: number): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < count; index++) {
    const worker = `loop-${index}`;
    await platform.deployFile(worker, "loop.js");
    await platform.untilServed(worker);
    const began = performance.now();
    const response = await platform.fetch(worker, "/loop");
    const elapsed = performance.now() - began;
    const reason = response.headers.get("x-termination-reason");
    if (reason !== "cpu-limit") throw new Error(`${worker} ended with ${response.status}, ${reason}`);
    samples.push(elapsed - defaultLimits.cpuMs);
  }
  return samples;
}
