import type { Registry } from "@openworkers/core";
import type { QueueStats } from "../events/queues/mod.ts";

/** What a runner tells of the queues that it delivers. */
export function addQueueMetrics(registry: Registry, stats: () => QueueStats): void {
  registry.gauge("ow_queues_delivered", "Queues whose messages this runner takes.", () => stats().queues);
  registry.gauge(
    "ow_queue_messages_held",
    "Messages of queues that this runner has in hand.",
    () => stats().held,
  );
  registry.readCounter(
    "ow_queue_messages_total",
    "Messages that a worker was given, by what became of them.",
    () => Object.entries(stats().settled).map(([end, value]) => ({ labels: { end }, value })),
  );
}
