import { type Command, Option } from "commander";
import type { PostgatePorts } from "../platform/postgate.ts";
import { defaultSandbox, type SandboxKind } from "../platform/sandbox-kind.ts";
import { defaultDataDir } from "../profile/home.ts";
import { parsePort } from "./context.ts";

/** Where and how workers are served. */
export interface IngressOptions {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly baseDomain: string;
  readonly sandbox: SandboxKind;
}

/** @param data what the data directory is for */
export function withIngressOptions(command: Command, data: string): Command {
  return command
    .option("--port <port>", "port for the workers; 0 picks a free one", parsePort, 8787)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--data <dir>", data, defaultDataDir())
    .option("--base-domain <domain>", "workers are served at <worker>.<domain>", "localhost")
    .addOption(
      new Option("--sandbox <kind>", "`none` runs workers WITHOUT isolation from this machine")
        .choices(["bubblewrap", "none"])
        .default(defaultSandbox),
    );
}

/** Where tenant databases are reached. */
export interface DatabasePortOptions {
  readonly postgresPort?: number;
  readonly databasesPort?: number;
}

export function withDatabasePortOptions(command: Command): Command {
  return command
    .option(
      "--postgres-port <port>",
      "port of PostgreSQL's protocol to tenant databases (default: 6432, or a free one)",
      parsePort,
    )
    .option(
      "--databases-port <port>",
      "port of HTTP to tenant databases (default: 6433, or a free one)",
      parsePort,
    );
}

export function databasePortsOf({ postgresPort, databasesPort }: DatabasePortOptions): PostgatePorts {
  return {
    ...(postgresPort === undefined ? {} : { postgres: postgresPort }),
    ...(databasesPort === undefined ? {} : { http: databasesPort }),
  };
}
