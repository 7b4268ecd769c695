import type { Registry } from "@openworkers/core";

/** Upper bounds in seconds: a transaction takes some 10 ms, and a second is trouble. */
const writeBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** What is read when somebody asks. */
export interface LogsGauges {
  readonly clients: number;
  readonly heldBatches: number;
  /** Batches that the bus has and PostgreSQL has not, as it was a moment ago. */
  readonly lag: number;
}

export type LogsMetrics = ReturnType<typeof addLogsMetrics>;

/** What a logs service tells of itself. */
export function addLogsMetrics(registry: Registry, read: () => LogsGauges) {
  registry.gauge("ow_logs_clients", "Streams of logs that are open.", () => read().clients);
  registry.gauge("ow_logs_held_batches", "Batches taken from the bus and not stored yet.", () => {
    return read().heldBatches;
  });
  registry.gauge("ow_logs_bus_lag_batches", "Batches that the bus has and PostgreSQL has not.", () => {
    return read().lag;
  });
  return {
    batches: registry.counter("ow_logs_batches_total", "Batches that were stored, now or before."),
    records: registry.counter("ow_logs_records_total", "Lines and invocations that were stored."),
    dropped: registry.counters("ow_logs_dropped_total", "Records that are not stored, by why.", ["reason"]),
    unreadable: registry.counter("ow_logs_unreadable_batches_total", "Messages that were no batch."),
    failures: registry.counter("ow_logs_write_failures_total", "Transactions that had to be repeated."),
    slowClients: registry.counter("ow_logs_slow_clients_total", "Streams ended because nobody read them."),
    writes: registry.histogram("ow_logs_write_seconds", "How long a transaction took.", writeBounds),
  };
}
