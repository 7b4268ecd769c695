import { connectNats } from "@openworkers/bus";
import { isOpenWorkersError, messageOf, Registry, type Report } from "@openworkers/core";
import { lowerCpuPriority } from "@openworkers/core/host";
import { connect } from "@openworkers/db";
import type { LogsService } from "@openworkers/logs";
import { startLogs } from "../logs.ts";
import { type Order, orderSchema, type Word } from "./protocol.ts";

// The logs service of `ow up`, in a process of its own: see `LogsProcess`, which starts it and is told of here.

/** As that of its sessions: a ninth of the processor time of who serves requests, when there is not enough for all. */
const nice = 10;

/** Its own numbers, under names that the platform's own process does not use. */
function processMetrics(): Registry {
  const metrics = new Registry();
  metrics.readCounter("ow_logs_cpu_seconds_total", "CPU time of the logs service's process.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge("ow_logs_resident_memory_bytes", "Memory of the logs service's process.", () =>
    process.memoryUsage.rss(),
  );
  return metrics;
}

const tell = (word: Word) => process.send?.(word);
const report: Report = (message, details) => {
  const plain = Object.entries(details).map(([name, value]) => [
    name,
    value instanceof Error ? messageOf(value) : value,
  ]);
  tell({ kind: "report", message, details: Object.fromEntries(plain) });
};

const parts = new AsyncDisposableStack();
const metrics = processMetrics();
let service: LogsService | undefined;

async function start({ databaseUrl, nats, port }: Extract<Order, { kind: "start" }>): Promise<void> {
  const bus = parts.use(await connectNats({ ...nats, name: "openworkers-logs", report }));
  const database = parts.use(connect(databaseUrl, { applicationName: "openworkers-logs" }));
  service = parts.use(
    await startLogs({ database, bus, metrics, report, ...(port === undefined ? {} : { port }) }),
  );
  tell({ kind: "ready", url: service.url });
}

async function obey(order: Order): Promise<void> {
  if (order.kind === "start") await start(order);
  else if (order.kind === "ask")
    tell({ kind: "state", id: order.id, clients: service?.clients ?? 0, metrics: metrics.text() });
  else {
    await parts.disposeAsync();
    process.exit(0);
  }
}

lowerCpuPriority(process.pid, nice);
process.on("message", (message: unknown) => {
  obey(orderSchema.parse(message)).catch((thrown: unknown) => {
    const known = isOpenWorkersError(thrown);
    const hint = known ? thrown.hint : undefined;
    tell({
      kind: "failed",
      code: known ? thrown.code : "INTERNAL",
      message: messageOf(thrown),
      ...(hint === undefined ? {} : { hint }),
    });
    process.exit(1);
  });
});
// The platform is gone, and cannot say so any more.
process.on("disconnect", () => process.exit(1));
tell({ kind: "listens" });
