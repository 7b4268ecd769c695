import { queryLogs } from "@openworkers/logs";
import { type Command, InvalidArgumentError } from "commander";
import {
  type FilterOptions,
  filterOf,
  filterOptions,
  flagOf,
  withFilterOptions,
} from "../live-logs/filter-options.ts";
import { formatRecord } from "../live-logs/format.ts";
import { watchShortId } from "../live-logs/short-id.ts";
import { logTokensCommand } from "../live-logs/token-commands.ts";
import { parseMoment } from "../output/duration.ts";
import { UsageError } from "../output/failure.ts";
import { startLogs } from "../platform/logs.ts";
import { withMetricsOptions } from "../platform/metrics.ts";
import { runService, type ServiceOptions } from "../platform/service.ts";
import { defaultDataDir } from "../profile/home.ts";
import {
  type CommandContext,
  choiceOf,
  integer,
  parsePort,
  platformCommand,
  withContext,
} from "./context.ts";
import { openPlatform } from "./platform.ts";

interface Options extends FilterOptions, ServiceOptions {
  readonly json?: boolean;
  readonly profile?: string;
  readonly port?: number;
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly keep?: number | "default";
  readonly host?: string;
  readonly logsPort?: number;
}

/** Records that are shown when neither a time nor a number is given. */
const defaultLimit = 100;
/** The newest are read from the newest on, and kept to be shown oldest first. */
const mostNewest = 100_000;

export function logsCommand(): Command {
  const command = platformCommand(
    "logs",
    "Show what a worker has logged; without a worker, run the logs service",
    [
      "ow logs hello",
      "ow logs hello --since 1h --level warn",
      "ow logs hello --since 2026-11-22T17:00:00Z --until 30m --search timeout --json",
      "DATABASE_URL=postgres://ow:secret@db/openworkers NATS_URL=nats://nats:4222 ow logs",
    ],
  )
    // Its options come before a subcommand's name: behind it they are the subcommand's.
    .enablePositionalOptions()
    .argument("[worker]")
    .addCommand(logTokensCommand());
  return withMetricsOptions(withFilterOptions(command))
    .option(
      "--since <time>",
      "from then on: so long ago, as 15m, 1h or 7d, or a time in ISO 8601",
      parseMoment,
    )
    .option("--until <time>", "up to then", parseMoment)
    .option(
      "--limit <number>",
      `the newest so many (default: ${defaultLimit}, or all with --since)`,
      integer(1, mostNewest),
    )
    .option(
      "--keep <days>",
      "keep this worker's logs so many days; `default` for as long as the platform",
      parseKeep,
    )
    .option("--host <address>", "the service: address to listen on (default: 127.0.0.1)")
    .option("--logs-port <port>", "the service: port to listen on (default: 6434, or a free one)", parsePort)
    .option("--data <dir>", "the service: directory of its keys without OW_SECRET_KEY", defaultDataDir())
    .addHelpText(
      "after",
      "\nEnvironment of the service: DATABASE_URL, NATS_URL, OW_LOG_RETENTION_DAYS, OW_LOGS_PORT …: docs/logs.md.",
    )
    .action(async (worker: string | undefined, options: Options) => {
      await withContext(options, async (context) => {
        if (worker === undefined) {
          refuseReading(options);
          await serve(options, context);
        } else if (options.keep !== undefined) await keep(worker, options.keep, options, context);
        else await show(worker, options, context);
      });
    });
}

async function show(worker: string, options: Options, { output, signal }: CommandContext): Promise<void> {
  const filter = filterOf(options);
  const { since, until, limit } = options;
  if (since !== undefined && until !== undefined && since >= until) {
    throw new UsageError("--since is not before --until.");
  }
  await using platform = await openPlatform(choiceOf(options));
  const workerId = await platform.backend.workerId(worker);
  const access = platform.logs(workerId);
  const newest = limit !== undefined || since === undefined;
  const records = queryLogs({
    url: await access.url(),
    token: await access.token(),
    ...(access.paths === undefined ? {} : { paths: access.paths }),
    workerId,
    filter,
    ...(since === undefined ? {} : { from: since }),
    ...(until === undefined ? {} : { to: until }),
    order: newest ? "newest-first" : "oldest-first",
    limit: newest ? (limit ?? defaultLimit) : Number.MAX_SAFE_INTEGER,
    signal,
  });
  const inOrder = newest ? (await Array.fromAsync(records)).reverse() : records;
  let count = 0;
  const watch = watchShortId(filter, (text) => output.warn(text));
  for await (const record of inOrder) {
    count += 1;
    watch(record);
    output.line(
      output.json ? JSON.stringify(record) : formatRecord(record, { showWorker: false, showDate: true }),
    );
  }
  if (count === 0) output.announce(`Nothing that fits is stored of ${worker}.`);
}

/** Someone who wants to read would else be told of the service's environment. */
function refuseReading(options: Options): void {
  const reading = ["since", "until", "limit", "keep", ...filterOptions] as const;
  const given = reading.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  throw new UsageError(
    `${flagOf(given)} is for reading: name a worker. Of all workers: ow tail --history 100`,
  );
}

async function keep(
  worker: string,
  asked: number | "default",
  options: Options,
  { output }: CommandContext,
): Promise<void> {
  const days = asked === "default" ? null : asked;
  await using platform = await openPlatform(choiceOf(options));
  await platform.backend.setLogRetention(worker, days);
  const time = days === null ? "as long as the platform keeps logs" : days === 1 ? "a day" : `${days} days`;
  output.result({ worker, logRetentionDays: days }, `The logs of ${worker} are kept ${time}.`);
}

async function serve(options: Options, context: CommandContext): Promise<void> {
  await runService("logs", options, context, async ({ ground, parts, metrics, report, openBus }) => {
    const service = parts.use(
      await startLogs({
        database: ground.database,
        bus: await openBus(),
        metrics,
        report,
        ...(options.logsPort === undefined ? {} : { port: options.logsPort }),
        ...(options.host === undefined ? {} : { hostname: options.host }),
      }),
    );
    return {
      summary: { logs: service.url },
      text: `Logs at ${service.url}`,
      healthy: () => service.healthy,
    };
  });
}

// Not null for the default: commander makes an empty text of it.
function parseKeep(text: string): number | "default" {
  if (text === "default") return text;
  const days = Number(text);
  if (/^\d+$/.test(text) && days >= 1 && days <= 3_650) return days;
  throw new InvalidArgumentError("Give a whole number of days from 1 to 3650, or `default`.");
}
