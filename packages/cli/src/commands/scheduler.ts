import { resolve } from "node:path";
import { createDelays, createScheduler, readSchedulerSettings } from "@openworkers/scheduler";
import type { Command } from "commander";
import { requireNats } from "../platform/bus.ts";
import {
  addBusMetrics,
  addSchedulerMetrics,
  type MetricsOptions,
  processMetrics,
  startMetrics,
  withMetricsOptions,
} from "../platform/metrics.ts";
import { formatReport } from "../platform/report.ts";
import { openGround, untilStopped } from "../platform/service.ts";
import { defaultDataDir } from "../profile/home.ts";
import { command, withContext } from "./context.ts";

interface Options extends MetricsOptions {
  readonly json?: boolean;
  readonly data: string;
}

export function schedulerCommand(): Command {
  const scheduler = command(
    "scheduler",
    "Run the service of crons and delayed messages alone; `ow up` runs it with all the rest",
    ["DATABASE_URL=postgres://ow:secret@db/openworkers NATS_URL=nats://bus:4222 ow scheduler"],
  ).option("--data <dir>", "directory of its keys, without OW_SECRET_KEY", defaultDataDir());
  return withMetricsOptions(scheduler)
    .addHelpText(
      "after",
      "\nEnvironment: DATABASE_URL, the platform's database; NATS_URL, the bus; and those of docs/crons.md.",
    )
    .action(async (options: Options) => {
      await withContext(options, async ({ output, signal }) => {
        await using parts = new AsyncDisposableStack();
        const report = (message: string, details: Record<string, unknown>) =>
          output.warn(formatReport(message, details));
        const { database } = await openGround(parts, { name: "scheduler", dataDir: resolve(options.data) });
        const bus = parts.use(await requireNats("scheduler", report, signal));
        const metrics = processMetrics();
        addBusMetrics(metrics, bus);
        const service = parts.use(
          await createScheduler({ database, bus, settings: readSchedulerSettings(process.env), report }),
        );
        parts.use(createDelays({ database, bus, report }));
        addSchedulerMetrics(metrics, () => service.stats());
        const server = startMetrics(parts, metrics, options);
        output.result(
          { ready: true, metricsPort: server?.port ?? null, pid: process.pid },
          "Crons and delayed messages are published when they are due.",
        );
        await untilStopped(signal);
      });
    });
}
