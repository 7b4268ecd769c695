import type { PlatformBus } from "@openworkers/bus";
import type { Registry, Report } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { startLogs } from "./logs.ts";
import { LogsProcess } from "./logs-process/logs-process.ts";

export interface PlatformLogsOptions {
  /** Migrated. */
  readonly database: Database;
  readonly databaseUrl: string;
  readonly platformBus: PlatformBus;
  readonly metrics: Registry;
  readonly report: Report;
}

/** The logs service of `ow up`, wherever it runs. */
export interface PlatformLogs extends AsyncDisposable {
  readonly url: string;
  /** How many follow logs now. */
  clients(): Promise<number>;
  /** Its metrics as text, when they are not in the registry. */
  metrics(): Promise<string>;
}

/**
 * Starts the logs service: in a process of its own when another process can reach the bus, else in this one.
 *
 * @throws OpenWorkersError CONFIG_INVALID naming a variable, PORT_IN_USE for a port that was asked for
 */
export async function startPlatformLogs(options: PlatformLogsOptions): Promise<PlatformLogs> {
  const { database, databaseUrl, platformBus, metrics, report } = options;
  const { bus, connection } = platformBus;
  if (connection === undefined) {
    const service = await startLogs({ database, bus, metrics, report });
    return {
      url: service.url,
      clients: async () => service.clients,
      metrics: async () => "",
      [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
    };
  }
  const child = await LogsProcess.start({ databaseUrl, nats: connection, report });
  return {
    url: child.url,
    clients: async () => (await child.state())?.clients ?? 0,
    metrics: async () => (await child.state())?.metrics ?? "",
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
