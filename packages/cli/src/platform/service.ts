import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Bus } from "@openworkers/bus";
import { OpenWorkersError, type Registry, type Report } from "@openworkers/core";
import { connect, type Database, pendingMigrations, registerSealingKey, SecretKeys } from "@openworkers/db";
import type { CommandContext } from "../commands/context.ts";
import type { Output } from "../output/output.ts";
import { requireNats } from "./bus.ts";
import { addBusMetrics, type MetricsOptions, processMetrics, startMetrics } from "./metrics.ts";
import { reportTo } from "./report.ts";

/** What every service of a cluster stands on. */
export interface ServiceGround {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly secretKeys: SecretKeys;
}

/** What a service is started with. */
export interface ServiceContext {
  readonly ground: ServiceGround;
  /** Absolute, and there. */
  readonly dataDir: string;
  /** What is to be disposed of when the service ends, the last first. */
  readonly parts: AsyncDisposableStack;
  readonly metrics: Registry;
  readonly output: Output;
  readonly report: Report;
  /** The bus that the services share. @throws OpenWorkersError CONFIG_INVALID, BUS_UNAVAILABLE */
  openBus(): Promise<Bus>;
}

/** A service that has started. */
export interface StartedService {
  /** Beside `ready`, `metricsPort` and `pid` in what is said as JSON. */
  readonly summary?: Readonly<Record<string, unknown>>;
  /** The same for people. */
  readonly text: string;
  /** Whether it can do its work; without, it always can. */
  readonly healthy?: () => boolean;
}

export interface ServiceOptions extends MetricsOptions {
  readonly data: string;
}

/**
 * Runs one service of a cluster until the command is told to stop: opens the platform's database, starts the service,
 * tells its numbers where that was asked for, and says that it is ready. What it is called is how PostgreSQL and the bus
 * know it: `openworkers-<name>`.
 *
 * @throws OpenWorkersError CONFIG_INVALID (DATABASE_URL, or a migration, is missing), DATABASE_UNAVAILABLE, PORT_IN_USE
 */
export async function runService(
  name: string,
  options: ServiceOptions,
  { output, signal }: CommandContext,
  start: (context: ServiceContext) => Promise<StartedService>,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const dataDir = resolve(options.data);
  const report = reportTo(output);
  const metrics = processMetrics();
  const ground = await openGround(parts, name, dataDir);
  const openBus = async () => {
    const bus = parts.use(await requireNats(name, report, signal));
    addBusMetrics(metrics, bus);
    return bus;
  };
  const started = await start({ ground, dataDir, parts, metrics, output, report, openBus });
  const server = startMetrics(parts, metrics, options, started.healthy);
  const metricsPort = server?.port ?? null;
  output.result({ ready: true, ...started.summary, metricsPort, pid: process.pid }, started.text);
  await untilStopped(signal);
}

/**
 * Opens the platform's database, which a service of a cluster only uses: `ow migrate` brings it up to date.
 *
 * @throws OpenWorkersError CONFIG_INVALID (DATABASE_URL, or a migration, is missing), DATABASE_UNAVAILABLE
 */
async function openGround(
  parts: AsyncDisposableStack,
  name: string,
  dataDir: string,
): Promise<ServiceGround> {
  const { DATABASE_URL: databaseUrl, OW_SECRET_KEY: secretKey } = process.env;
  if (databaseUrl === undefined || databaseUrl === "") {
    throw new OpenWorkersError("CONFIG_INVALID", "DATABASE_URL is not set.", {
      hint: "It names the platform's database. For all of a platform on this machine: ow up",
    });
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const database = parts.use(connect(databaseUrl, { applicationName: `openworkers-${name}` }));
  const pending = await pendingMigrations(database);
  if (pending.length > 0) {
    throw new OpenWorkersError("CONFIG_INVALID", `The platform's database lacks ${pending.join(", ")}.`, {
      hint: "Run ow migrate first.",
    });
  }
  const secretKeys = await SecretKeys.load({ secretKey, directory: dataDir });
  await registerSealingKey(database, secretKeys);
  return { database, databaseUrl, secretKeys };
}

/** Resolves when the signal aborts. */
export async function untilStopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
}
