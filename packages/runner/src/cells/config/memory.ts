import type { Limits } from "@openworkers/core";

/**
 * What workerd's own buffers and not yet collected objects may take beside the worker's memory. Measured:
 * 100 connections under load hold 25 to 35 MB of them (docs/decisions/006-cell-memory.md). Without it a worker
 * that keeps within its limit would lose its cell to its visitors.
 */
export const nativeBytes = 32 * 2 ** 20;

/** RLIMIT_DATA of a cell in bytes, given the VmData of one with an empty worker. */
export function dataLimit(idleDataBytes: number, { memoryBytes }: Pick<Limits, "memoryBytes">): number {
  return idleDataBytes + memoryBytes + nativeBytes;
}

/**
 * V8's flags for a cell. A small young generation and array buffers that are freed in the pause that finds
 * them dead keep a busy cell's memory down at no visible cost: native objects wait for a collection.
 */
export function v8Flags({ memoryBytes }: Pick<Limits, "memoryBytes">): string[] {
  return [
    `--max-old-space-size=${Math.floor(memoryBytes / 2 ** 20)}`,
    "--initial-old-space-size=2",
    "--max-semi-space-size=1",
    "--no-concurrent-array-buffer-sweeping",
  ];
}
