import type { Bus } from "@openworkers/bus";
import { OpenWorkersError, type Registry, type Report } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { createLogsService, type LogsService, readLogsSettings } from "@openworkers/logs";

export interface StartLogsOptions {
  readonly database: Database;
  readonly bus: Bus;
  /** One that was asked for; else `OW_LOGS_PORT`, else the one that people expect or any free one. */
  readonly port?: number;
  /** One that was asked for; else `OW_LOGS_HOST`, else 127.0.0.1. */
  readonly hostname?: string;
  readonly metrics: Registry;
  readonly report: Report;
}

/** Beside Postgate's 6432 and 6433. */
const preferredPorts = [6434, 0];

/** @throws OpenWorkersError CONFIG_INVALID naming a variable, PORT_IN_USE for a port that was asked for */
export async function startLogs(options: StartLogsOptions): Promise<LogsService> {
  const { OW_LOGS_PORT, OW_LOGS_HOST } = process.env;
  const port = options.port ?? portFrom(OW_LOGS_PORT);
  return createLogsService({
    database: options.database,
    bus: options.bus,
    ports: port === undefined ? preferredPorts : [port],
    hostname: options.hostname ?? (OW_LOGS_HOST || "127.0.0.1"),
    settings: readLogsSettings(process.env),
    metrics: options.metrics,
    report: options.report,
  });
}

function portFrom(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new OpenWorkersError("CONFIG_INVALID", `OW_LOGS_PORT is "${text}", which is no port.`, {
    hint: "Correct it, or unset it for 6434 or a free one.",
  });
}
