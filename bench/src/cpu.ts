import { readdirSync, readFileSync } from "node:fs";
import { familyOf } from "@openworkers/e2e/processes";

/** What a process is to the platform, by its command line; the first match wins. */
const roles: readonly (readonly [string, RegExp])[] = [
  ["postgres", /postgres/],
  ["nginx", /nginx/],
  ["workerd", /workerd.* serve|^\/workerd/],
  ["bwrap", /bwrap/],
  ["nats", /nats-server/],
  ["runner", /main\.ts (up|runner)\b/],
  ["logs", /logs-process\/run\.ts/],
  ["bun", /\bbun(\.exe)?\b/],
  ["node", /\bnode\b|npm|wrangler/],
];

/** CPU microseconds by role. */
export type CpuByRole = ReadonlyMap<string, number>;

/** Nanoseconds on a CPU of all threads of a process that live now (`/proc/<pid>/task/<tid>/schedstat`, first field). */
function cpuNs(pid: number): number {
  let total = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      total += Number.parseInt(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1"), 10);
    }
  } catch {
    // It ended while we looked: what it used is lost, which a steady load makes rare.
  }
  return total;
}

async function snapshot(roots: readonly number[]): Promise<Map<number, { role: string; ns: number }>> {
  const processes = (await Promise.all(roots.map(familyOf))).flat();
  return new Map(
    processes.map(({ pid, command }) => {
      const role = roles.find(([, pattern]) => pattern.test(command))?.[0] ?? "other";
      return [pid, { role, ns: cpuNs(pid) }];
    }),
  );
}

/** Runs `work` and returns its result with the CPU time that the processes under `roots` used meanwhile. */
export async function withCpu<T>(
  roots: readonly number[],
  work: () => Promise<T>,
): Promise<{ result: T; cpuUs: CpuByRole }> {
  const before = await snapshot(roots);
  const result = await work();
  const cpuUs = new Map<string, number>();
  for (const [pid, { role, ns }] of await snapshot(roots)) {
    const used = (ns - (before.get(pid)?.ns ?? 0)) / 1e3;
    if (used > 0) cpuUs.set(role, (cpuUs.get(role) ?? 0) + used);
  }
  return { result, cpuUs };
}
