import type { Platform } from "../platform.ts";

/** The pid of the logs service that `ow up` runs beside itself. */
export async function logsProcess(platform: Platform): Promise<number> {
  const all = await platform.processes();
  // Started behind `nice`, whose command line the shell's own would have as well.
  const found = all.find(({ command }) => /^\S*bun\S* .*logs-process\/run\.ts$/.test(command));
  if (found !== undefined) return found.pid;
  throw new Error(`no logs service among ${all.map(({ command }) => command).join("\n")}`);
}
