import type { Bus } from "@openworkers/bus";
import { addProcessMetrics, type MetricsServer, Registry, serveMetrics } from "@openworkers/core";
import type { SchedulerStats } from "@openworkers/scheduler";
import { type Command, Option } from "commander";
import { parsePort } from "../commands/context.ts";

export interface MetricsOptions {
  readonly metricsPort?: number;
  readonly metricsHost: string;
}

/** Adds where a service tells its numbers, and whether it can do its work. */
export function withMetricsOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--metrics-port <port>", "port of /metrics and /health; 0 picks a free one (default: none)")
        .env("OW_METRICS_PORT")
        .argParser(parsePort),
    )
    .addOption(
      new Option("--metrics-host <address>", "address of /metrics and /health")
        .env("OW_METRICS_HOST")
        .default("127.0.0.1"),
    );
}

/** A registry with what every process tells of itself. */
export function processMetrics(): Registry {
  const metrics = new Registry();
  addProcessMetrics(metrics);
  return metrics;
}

/**
 * Serves them where that was asked for. A service that waits for PostgreSQL or the bus is healthy: starting it again would
 * help nobody, and a runner serves on without either.
 *
 * @throws OpenWorkersError PORT_IN_USE
 */
export function startMetrics(
  parts: AsyncDisposableStack,
  registry: Registry,
  { metricsPort: port, metricsHost: hostname }: MetricsOptions,
  healthy: () => boolean = () => true,
): MetricsServer | undefined {
  return port === undefined ? undefined : parts.use(serveMetrics(registry, { port, hostname, healthy }));
}

export function addBusMetrics(registry: Registry, bus: Bus): void {
  registry.gauge("ow_bus_connected", "1 while the bus is there.", () => Number(bus.stats().connected));
  registry.readCounter("ow_bus_reconnects_total", "Times that the bus came back.", () => {
    return bus.stats().reconnects;
  });
  registry.readCounter("ow_bus_published_total", "Messages that were stored.", () => bus.stats().published);
  registry.readCounter("ow_bus_failed_total", "Publications that ended with an error.", () => {
    return bus.stats().failed;
  });
}

const scheduled = [
  ["claimed", "Due times that became events."],
  ["published", "Attempts that were published."],
  ["publishFailures", "Publications that failed, and are repeated."],
  ["adopted", "Events that were taken over from a scheduler that had not published them."],
  ["republished", "Attempts that were lost and published again."],
  ["results", "Results that were written down."],
  ["retries", "Attempts that are made again after a failure."],
  ["skipped", "Due times that were skipped while a run went on."],
  ["missed", "Due times that were over before anybody could run them."],
] as const satisfies readonly (readonly [keyof SchedulerStats, string])[];

export function addSchedulerMetrics(registry: Registry, stats: () => SchedulerStats): void {
  for (const [name, help] of scheduled) {
    const words = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    registry.readCounter(`ow_scheduler_${words}_total`, help, () => stats()[name]);
  }
  registry.gauge("ow_scheduler_held", "Events that are held until their time comes.", () => stats().held);
  registry.readCounter(
    "ow_scheduler_lateness_seconds_total",
    "How long after their time the bus had the events, summed up.",
    () => stats().latenessSumMs / 1_000,
  );
}
