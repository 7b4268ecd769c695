import { readdirSync } from "node:fs";
import type { Registry } from "./registry.ts";

/** What Prometheus expects every process to tell, under the names that its client libraries have agreed upon. */
export function addProcessMetrics(registry: Registry): void {
  const startedAt = performance.timeOrigin / 1_000;
  registry.readCounter("process_cpu_seconds_total", "CPU time of this process, in seconds.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.gauge("process_start_time_seconds", "When this process began, in Unix seconds.", () => startedAt);
  registry.gauge("process_resident_memory_bytes", "Memory of this process that is resident.", () =>
    process.memoryUsage.rss(),
  );
  if (process.platform !== "linux") return;
  registry.gauge("process_open_fds", "Files that this process has open.", () => {
    // The directory that is being read is one of them.
    return readdirSync("/proc/self/fd").length - 1;
  });
}
