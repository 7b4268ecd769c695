import { readFileSync } from "node:fs";
import { familyOf } from "@openworkers/e2e/processes";
import type { OpenWorkers } from "../contenders/openworkers.ts";

/** Long enough for the pool to have its blank cells again. */
const pauseMs = 250;

/**
 * Milliseconds from sending the request to the first byte of its body, for `count` workers that have no cell yet. Each
 * sample waits until the machine has calmed down after the one before.
 */
export async function measureColdStarts(platform: OpenWorkers, count: number): Promise<number[]> {
  const workers = await deployMany(platform, "cold", count);
  const samples: number[] = [];
  for (const worker of workers) {
    await Bun.sleep(pauseMs);
    const began = performance.now();
    const response = await platform.fetch(worker);
    const reader = response.body?.getReader();
    await reader?.read();
    samples.push(performance.now() - began);
    await reader?.cancel();
    if (!response.ok) throw new Error(`${worker} answered ${response.status}`);
  }
  return samples;
}

/** Private memory in MiB of each of `count` idle cells that run at the same time. */
export async function measureIdleMemory(platform: OpenWorkers, count: number): Promise<number[]> {
  const workers = await deployMany(platform, "idle", count);
  const before = new Set(await cellPids(platform));
  for (const worker of workers) await (await platform.fetch(worker)).arrayBuffer();
  await Bun.sleep(1_000);
  const cells = (await cellPids(platform)).filter((pid) => !before.has(pid));
  // The pool's two blank cells of before are workers now, and it has two others.
  if (cells.length < count - 4) throw new Error(`${cells.length} new cells run, not ${count}`);
  return cells.map(privateMiB);
}

async function cellPids(platform: OpenWorkers): Promise<number[]> {
  const processes = (await Promise.all(platform.pids.map(familyOf))).flat();
  return processes.filter(({ command }) => /^\S*workerd serve/.test(command)).map(({ pid }) => pid);
}

/** `count` new workers that are routed and have never been asked for anything. */
async function deployMany(platform: OpenWorkers, prefix: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  for (const name of names) await platform.deployFile(name, "hello.js");
  // Notifications arrive in order: when the last is served, all the others are routed.
  await platform.deployFile(`${prefix}-last`, "hello.js");
  await platform.untilServed(`${prefix}-last`);
  return names;
}

/** Pages that no other process shares (proc_pid_smaps(5)). */
function privateMiB(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
  return (kib("Private_Clean") + kib("Private_Dirty")) / 1_024;
}
