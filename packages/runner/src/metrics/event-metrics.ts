import type { Bus } from "@openworkers/bus";
import { messageOf, type Registry, type Report, streams } from "@openworkers/core";
import type { QueueStats } from "../events/queues/mod.ts";

export interface EventMetricsOptions {
  readonly bus: Pick<Bus, "streamState">;
  readonly queues: () => QueueStats;
  readonly report: Report;
  /** How often the bus is asked how much waits there. Default 10 s. */
  readonly lookMs?: number;
}

/** What waits on the bus for runners, and what this one has in hand. Disposing of it ends the looking. */
export function addEventMetrics(registry: Registry, options: EventMetricsOptions): Disposable {
  const { bus, queues, report, lookMs = 10_000 } = options;
  const depths = new Map<"queues" | "scheduled", number>();
  const look = async () => {
    for (const name of ["queues", "scheduled"] as const) {
      try {
        depths.set(name, (await bus.streamState(streams[name].name)).messages);
      } catch (thrown) {
        depths.delete(name);
        report("What waits on the bus could not be counted.", { error: messageOf(thrown) });
      }
    }
  };
  registry.gauge(
    "ow_event_backlog",
    "Messages on the bus that no run has ended: of queues, and due crons.",
    () => [...depths].map(([kind, value]) => ({ labels: { kind }, value })),
  );
  registry.gauge("ow_queues", "Queues that this runner delivers.", () => queues().queues);
  registry.gauge("ow_queue_messages_held", "Messages of queues in hand.", () => queues().held);
  registry.readCounter("ow_queue_messages_total", "Messages that workers were given, by their end.", () =>
    Object.entries(queues().settled).map(([end, value]) => ({ labels: { end }, value })),
  );
  void look();
  const timer = setInterval(() => void look(), lookMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
