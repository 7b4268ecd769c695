import type { Registry } from "@openworkers/core";
import type { LogEmitterStats } from "../logs/log-emitter.ts";

/** What a runner tells of the log records that it sends. */
export function addLogMetrics(registry: Registry, stats: () => LogEmitterStats): void {
  registry.gauge("ow_log_buffer_bytes", "Log records that the bus does not have yet.", () => {
    return stats().bufferedBytes;
  });
  registry.readCounter("ow_log_published_records_total", "Log records that the bus has stored.", () => {
    return stats().published;
  });
  registry.readCounter(
    "ow_log_dropped_records_total",
    "Log records that found no room in the buffer.",
    () => [
      { labels: { kind: "line" }, value: stats().droppedLines },
      { labels: { kind: "invocation" }, value: stats().droppedInvocations },
    ],
  );
  registry.readCounter("ow_log_publish_failures_total", "Batches that the bus did not take at once.", () => {
    return stats().failures;
  });
  registry.gauge("ow_log_bus_away", "1 while the bus takes no log records.", () => Number(stats().away));
}
