import { resolve } from "node:path";
import { type Command, Option } from "commander";
import colors from "picocolors";
import { formatFaces } from "../platform/postgate.ts";
import { untilStopped } from "../platform/service.ts";
import { type RunningPlatform, startPlatform } from "../platform/start.ts";
import { workerUrl } from "../platform/worker-url.ts";
import { command, parsePort, withContext } from "./context.ts";
import {
  type DatabasePortOptions,
  databasePortsOf,
  type IngressOptions,
  withDatabasePortOptions,
  withIngressOptions,
} from "./serving-options.ts";

interface Options extends IngressOptions, DatabasePortOptions {
  readonly json?: boolean;
  readonly profile?: string;
  readonly metricsPort?: number;
  readonly api: boolean;
  readonly dashboard: boolean;
}

export function upCommand(): Command {
  const up = command("up", "Run the whole platform on this machine", [
    "ow up",
    "ow up --port 8788 --data ./second",
    "DATABASE_URL=postgres://ow:secret@db/openworkers ow up --base-domain workers.example.com",
  ]);
  return withDatabasePortOptions(withIngressOptions(up, "data directory"))
    .addOption(
      new Option("--metrics-port <port>", "port of Prometheus's /metrics on 127.0.0.1 (default: none)")
        .env("OW_METRICS_PORT")
        .argParser(parsePort),
    )
    .option("--no-api", "serve neither the API nor the dashboard")
    .option("--no-dashboard", "do not serve the dashboard")
    .option("--profile <name>", "name for other commands' --profile (default: the port)")
    .addHelpText(
      "after",
      "\nEnvironment: DATABASE_URL replaces the embedded PostgreSQL, OW_HOME (~/.openworkers) holds profiles and, unless\n--data says otherwise, the data, OW_SECRET_KEY the private keys of secrets. OW_TENANTS_URL,\nOW_POSTGATE_HOST, OW_POSTGATE_PORT, OW_POSTGATE_HTTP_PORT, OW_POSTGATE_CONNECTIONS, OW_POSTGATE_TLS_CERT and\nOW_POSTGATE_TLS_KEY are of tenant databases: docs/operations.md. NATS_URL and OW_BUS say what events travel\nover (docs/bus.md), OW_LOG_RETENTION_DAYS how long logs are kept (docs/logs.md), OTEL_EXPORTER_OTLP_ENDPOINT\nwhere traces go (docs/observability.md).",
    )
    .action(async (options: Options) => {
      await withContext(options, async ({ output, signal }) => {
        const { DATABASE_URL: databaseUrl } = process.env;
        if (options.sandbox === "none") warnUnsandboxed((text) => output.warn(text));
        await using platform = await startPlatform({
          port: options.port,
          hostname: options.host,
          dataDir: resolve(options.data),
          baseDomain: options.baseDomain,
          sandbox: options.sandbox,
          api: options.api,
          dashboard: options.dashboard,
          ...(databaseUrl === undefined ? {} : { databaseUrl }),
          databasePorts: databasePortsOf(options),
          ...(options.metricsPort === undefined ? {} : { metricsPort: options.metricsPort }),
          ...(options.profile === undefined ? {} : { profileName: options.profile }),
          signal,
          output,
        });
        output.result(
          { ready: true, ...platform.summary },
          output.json ? "" : formatReady(platform, options),
        );
        await untilStopped(signal);
        output.note("Stopping: requests under way have 10 seconds to finish. Ctrl-C once more ends at once.");
      });
    });
}

function formatReady({ summary }: RunningPlatform, { baseDomain }: Options): string {
  const sandbox =
    summary.sandbox === "none" ? colors.red(colors.bold("none: workers are not isolated")) : summary.sandbox;
  const dashboard = summary.api?.dashboard ?? null;
  return [
    colors.bold(`OpenWorkers ${summary.version}`),
    `  dashboard ${dashboard === null ? colors.yellow("off") : colors.cyan(dashboard)}`,
    `  workers   ${colors.cyan(workerUrl("<worker>", baseDomain, summary.port))}`,
    `  data      ${summary.dataDir}`,
    `  database  ${summary.database}`,
    `  events    ${summary.bus}`,
    `  databases ${summary.databases === null ? colors.yellow("off") : formatFaces(summary.databases)}`,
    `  logs      ${summary.logs}`,
    `  api       ${summary.api === null ? colors.yellow("off") : summary.api.url}`,
    `  sandbox   ${sandbox}`,
    ...(summary.metrics === null ? [] : [`  metrics   ${summary.metrics}`]),
    `  profile   ${summary.profile}`,
    `Deploy with ${colors.bold("ow deploy PATH")} in another terminal; Ctrl-C stops the platform.`,
    ...(summary.api?.setupUrl == null
      ? []
      : [`Nobody is an admin yet. Once, within a day: ${colors.cyan(summary.api.setupUrl)}`]),
    colors.green("ready"),
  ].join("\n");
}

function warnUnsandboxed(warn: (text: string) => void): void {
  for (const line of [
    "THE SANDBOX IS OFF (--sandbox=none).",
    "A worker that breaks out of its V8 isolate has this user's files, network and processes.",
    "Only run code that you would run without a sandbox. On Linux, install bubblewrap instead.",
  ]) {
    warn(line);
  }
}
