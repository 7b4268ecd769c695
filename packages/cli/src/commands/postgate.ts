import { resolve } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import {
  type MetricsOptions,
  processMetrics,
  startMetrics,
  withMetricsOptions,
} from "../platform/metrics.ts";
import { formatFaces, startPostgate } from "../platform/postgate.ts";
import { formatReport } from "../platform/report.ts";
import { openGround, untilStopped } from "../platform/service.ts";
import { defaultDataDir } from "../profile/home.ts";
import { command, parsePort, withContext } from "./context.ts";

interface Options extends MetricsOptions {
  readonly json?: boolean;
  readonly data: string;
  readonly postgresPort?: number;
  readonly databasesPort?: number;
}

/** How long queries under way may go on after Ctrl-C. */
const drainMs = 10_000;

export function postgateCommand(): Command {
  const postgate = command(
    "postgate",
    "Run the service of tenant databases alone; `ow up` runs it with all the rest",
    ["DATABASE_URL=postgres://ow:secret@db/openworkers OW_SECRET_KEY=owsk_… ow postgate"],
  )
    .option(
      "--data <dir>",
      "directory of its certificate, dumps and, without OW_SECRET_KEY, keys",
      defaultDataDir(),
    )
    .option(
      "--postgres-port <port>",
      "port of PostgreSQL's protocol (default: 6432, or a free one)",
      parsePort,
    )
    .option("--databases-port <port>", "port of HTTP (default: 6433, or a free one)", parsePort);
  return withMetricsOptions(postgate)
    .addHelpText(
      "after",
      "\nEnvironment: DATABASE_URL, the platform's database; OW_SECRET_KEY; OW_TENANTS_URL and OW_POSTGATE_…: docs/operations.md.",
    )
    .action(async (options: Options) => {
      await withContext(options, async ({ output, signal }) => {
        await using parts = new AsyncDisposableStack();
        const dataDir = resolve(options.data);
        const ground = await openGround(parts, { name: "postgate", dataDir });
        const running = await startPostgate({
          ...ground,
          dataDir,
          ports: {
            ...(options.postgresPort === undefined ? {} : { postgres: options.postgresPort }),
            ...(options.databasesPort === undefined ? {} : { http: options.databasesPort }),
          },
          output,
          report: (message, details) => output.warn(formatReport(message, details)),
        });
        if (running === undefined) {
          throw new OpenWorkersError("CONFIG_INVALID", "There are no tenant databases to serve.");
        }
        parts.use(running.service);
        const server = startMetrics(parts, processMetrics(), options);
        output.result(
          {
            ready: true,
            databases: running.faces,
            metricsPort: server?.port ?? null,
            pid: process.pid,
          },
          `Tenant databases at ${formatFaces(running.faces)}`,
        );
        await untilStopped(signal);
        await running.service.drain(drainMs);
      });
    });
}
