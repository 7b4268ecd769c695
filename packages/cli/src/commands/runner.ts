import { join, resolve } from "node:path";
import { addLogMetrics, createRunner, LogEmitter } from "@openworkers/runner";
import { type Command, Option } from "commander";
import { requireNats } from "../platform/bus.ts";
import {
  addBusMetrics,
  type MetricsOptions,
  processMetrics,
  startMetrics,
  withMetricsOptions,
} from "../platform/metrics.ts";
import { startGateway } from "../platform/postgate.ts";
import { formatReport } from "../platform/report.ts";
import { runtimeDirFor } from "../platform/runtime-dir.ts";
import { defaultSandbox, type SandboxKind } from "../platform/sandbox-kind.ts";
import { openGround, untilStopped } from "../platform/service.ts";
import { defaultDataDir } from "../profile/home.ts";
import { command, parsePort, withContext } from "./context.ts";

interface Options extends MetricsOptions {
  readonly json?: boolean;
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly baseDomain: string;
  readonly sandbox: SandboxKind;
}

/** How long requests under way may go on after the signal to stop; what stops it should wait a little longer. */
const drainMs = 30_000;

export function runnerCommand(): Command {
  const runner = command(
    "runner",
    "Run the service that serves workers alone; `ow up` runs it with all the rest",
    [
      "DATABASE_URL=postgres://ow:secret@db/openworkers NATS_URL=nats://bus:4222 OW_SECRET_KEY=owsk_… ow runner",
    ],
  )
    .option("--port <port>", "port for the workers; 0 picks a free one", parsePort, 8787)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--data <dir>", "directory of its keys, without OW_SECRET_KEY", defaultDataDir())
    .option("--base-domain <domain>", "workers are served at <worker>.<domain>", "localhost")
    .addOption(
      new Option("--sandbox <kind>", "`none` runs workers WITHOUT isolation from this machine")
        .choices(["bubblewrap", "none"])
        .default(defaultSandbox),
    );
  return withMetricsOptions(runner)
    .addHelpText(
      "after",
      "\nEnvironment: DATABASE_URL, the platform's database; NATS_URL, the bus; OW_SECRET_KEY; OW_TENANTS_URL; and those of docs/operations.md.",
    )
    .action(async (options: Options) => {
      await withContext(options, async ({ output, signal }) => {
        await using parts = new AsyncDisposableStack();
        const dataDir = resolve(options.data);
        const report = (message: string, details: Record<string, unknown>) =>
          output.warn(formatReport(message, details));
        const ground = await openGround(parts, { name: "runner", dataDir });
        const bus = parts.use(await requireNats("runner", report, signal));
        const metrics = processMetrics();
        addBusMetrics(metrics, bus);
        const logs = parts.use(new LogEmitter({ bus, report }));
        addLogMetrics(metrics, () => logs.stats());
        const databases = await startGateway({ ...ground, output, report });
        if (databases !== undefined) {
          parts.use(databases);
          parts.defer(() => databases.drain(drainMs));
        }
        const runtimeDir = join(runtimeDirFor(dataDir), "cells");
        const runner = parts.use(
          await output.step("Start the runner", () =>
            createRunner({
              ...ground,
              port: options.port,
              hostname: options.host,
              baseDomain: options.baseDomain,
              runtimeDir,
              sandbox: options.sandbox,
              bus,
              logs,
              metrics,
              report,
              ...(databases === undefined ? {} : { databases }),
            }),
          ),
        );
        parts.defer(() => runner.drain({ signal: AbortSignal.timeout(drainMs) }));
        const server = startMetrics(parts, metrics, options);
        output.result(
          { ready: true, port: runner.port, metricsPort: server?.port ?? null, pid: process.pid },
          `Workers at http://<worker>.${options.baseDomain}:${runner.port}/`,
        );
        await untilStopped(signal);
      });
    });
}
