import { join } from "node:path";
import { addLogMetrics, createRunner, LogEmitter } from "@openworkers/runner";
import type { Command } from "commander";
import { facesFrom } from "../databases/faces.ts";
import { withMetricsOptions } from "../platform/metrics.ts";
import { openPlatformGatewayOrWarn } from "../platform/platform-gateway.ts";
import { startGateway } from "../platform/postgate.ts";
import { runtimeDirFor } from "../platform/runtime-dir.ts";
import { runService, type ServiceOptions } from "../platform/service.ts";
import { command, withContext } from "./context.ts";
import { type IngressOptions, withIngressOptions } from "./serving-options.ts";

interface Options extends ServiceOptions, IngressOptions {
  readonly json?: boolean;
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
  );
  return withMetricsOptions(withIngressOptions(runner, "directory of its keys, without OW_SECRET_KEY"))
    .addHelpText(
      "after",
      "\nEnvironment: DATABASE_URL, the platform's database; NATS_URL, the bus; OW_SECRET_KEY; OW_TENANTS_URL; and those of docs/operations.md.",
    )
    .action(async (options: Options) => {
      await withContext(options, (context) =>
        runService("runner", options, context, async (service) => {
          const { ground, parts, metrics, output, report } = service;
          const bus = await service.openBus();
          const logs = parts.use(new LogEmitter({ bus, report }));
          addLogMetrics(metrics, () => logs.stats());
          const databases = await startGateway({ ...ground, output, report });
          if (databases !== undefined) {
            parts.use(databases);
            parts.defer(() => databases.drain(drainMs));
          }
          const gateway = await openPlatformGatewayOrWarn({ database: ground.database, report, output });
          if (gateway !== undefined) parts.use(gateway);
          const { OW_LOGS_URL: logsUrl } = process.env;
          const databaseFaces = facesFrom(process.env);
          const runner = parts.use(
            await output.step("Start the runner", () =>
              createRunner({
                ...ground,
                port: options.port,
                hostname: options.host,
                baseDomain: options.baseDomain,
                runtimeDir: join(runtimeDirFor(service.dataDir), "cells"),
                sandbox: options.sandbox,
                bus,
                logs,
                metrics,
                report,
                ...(databases === undefined ? {} : { databases }),
                ...(databaseFaces === undefined ? {} : { databaseFaces }),
                ...(gateway === undefined ? {} : { platform: gateway }),
                ...(logsUrl === undefined || logsUrl === "" ? {} : { logsUrl }),
              }),
            ),
          );
          parts.defer(() => runner.drain({ signal: AbortSignal.timeout(drainMs) }));
          return {
            summary: { port: runner.port },
            text: `Workers at http://<worker>.${options.baseDomain}:${runner.port}/`,
          };
        }),
      );
    });
}
