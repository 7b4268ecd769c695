import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { openPlatformBus } from "@openworkers/bus";
import { OpenWorkersError, serveMetrics } from "@openworkers/core";
import { connect, migrate, registerSealingKey, SecretKeys } from "@openworkers/db";
import { addLogMetrics, checkSandbox, createRunner, LogEmitter, readSettings } from "@openworkers/runner";
import {
  createDelays,
  createMailer,
  createScheduler,
  readMailSettings,
  readSchedulerSettings,
} from "@openworkers/scheduler";
import rootPackage from "../../package.json" with { type: "json" };
import { facesFrom, reachableFaces } from "../databases/faces.ts";
import { isAnswering } from "../live-logs/client.ts";
import { type Status, serveStatus } from "../live-logs/server.ts";
import type { Output } from "../output/output.ts";
import { type DatabaseFaces, type Profile, writeProfile } from "../profile/profile.ts";
import { countQueues } from "../queues/count-queues.ts";
import { type PlatformDatabase, startDatabase } from "./database.ts";
import { addBusMetrics, addSchedulerMetrics, processMetrics } from "./metrics.ts";
import { openPlatformGatewayOrWarn } from "./platform-gateway.ts";
import { startPlatformLogs } from "./platform-logs.ts";
import { checkPort } from "./port.ts";
import { type PostgatePorts, startPostgate } from "./postgate.ts";
import { reportTo } from "./report.ts";
import { runtimeDirFor } from "./runtime-dir.ts";
import type { SandboxKind } from "./sandbox-kind.ts";
import { dashboardOrigins, readSystemSettings } from "./system-workers/settings.ts";
import { type ApiSummary, startApi } from "./system-workers/start-api.ts";
import { workerUrl } from "./worker-url.ts";

/** How long requests under way may go on after Ctrl-C: nobody waits for longer at a terminal. */
const drainMs = 10_000;

export interface StartOptions {
  /** 0 picks a free one. */
  readonly port: number;
  readonly hostname: string;
  readonly baseDomain: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Replaces the embedded PostgreSQL. */
  readonly databaseUrl?: string;
  readonly sandbox: SandboxKind;
  /** Of tenant databases; without, those that people expect, or else free ones. */
  readonly databasePorts?: PostgatePorts;
  /** Of the numbers for Prometheus, which nobody is told without; 0 picks a free one. */
  readonly metricsPort?: number;
  /** Whether the platform's own workers are deployed; they are unless this is false. */
  readonly api?: boolean;
  /** Whether the dashboard is one of them; it is unless this is false. */
  readonly dashboard?: boolean;
  /** Default: the port. */
  readonly profileName?: string;
  /** Ends the start; a platform that runs already is ended by disposing of it. */
  readonly signal: AbortSignal;
  readonly output: Output;
}

export interface PlatformSummary {
  readonly port: number;
  readonly url: string;
  readonly dataDir: string;
  readonly sandbox: SandboxKind;
  readonly baseDomain: string;
  readonly database: string;
  /** What events travel over. */
  readonly bus: string;
  /** Where tenant databases are reached; null when they are off. */
  readonly databases: DatabaseFaces | null;
  /** Where Prometheus finds its numbers. */
  readonly metrics: string | null;
  /** Where logs are read, with a token. */
  readonly logs: string;
  /** Where the API is; null when it is off. */
  readonly api: ApiSummary | null;
  readonly profile: string;
  readonly version: string;
  readonly pid: number;
}

export interface RunningPlatform extends AsyncDisposable {
  readonly summary: PlatformSummary;
  readonly profile: Profile;
}

/**
 * Starts the platform: database, migrations, bus, logs, tenant databases, runner, and the profile that other commands find it by.
 * Disposing of it finishes requests under way and stops all of it; what was started is stopped when a later part fails.
 *
 * @throws OpenWorkersError SANDBOX_UNAVAILABLE, PORT_IN_USE, DATA_DIR_IN_USE, DATA_DIR_NEWER, DATABASE_UNAVAILABLE,
 * DATABASE_NEWER
 */
export async function startPlatform(options: StartOptions): Promise<RunningPlatform> {
  const { output, signal, dataDir } = options;
  const settings = readSystemSettings(process.env);
  if (options.sandbox === "bubblewrap") await requireSandbox();
  await checkPort(options.port, options.hostname);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const runtimeDir = runtimeDirFor(dataDir);
  const logsSocket = join(runtimeDir, "logs/live.sock");
  if (await isAnswering(logsSocket)) {
    throw new OpenWorkersError("DATA_DIR_IN_USE", `Another platform runs on ${dataDir}.`, {
      hint: "Stop it first, or give this one another directory: --data DIR",
    });
  }
  await using parts = new AsyncDisposableStack();
  const database: PlatformDatabase =
    options.databaseUrl === undefined
      ? parts.use(await output.step("Start PostgreSQL", () => startDatabase(dataDir, signal, output)))
      : external(options.databaseUrl);
  // Only now: the lock on the data says that no other platform has its sockets there.
  parts.defer(() => rm(runtimeDir, { recursive: true, force: true }));
  const pool = parts.use(connect(database.url, { applicationName: "openworkers" }));
  const applied = await output.step("Bring the database up to date", () => migrate(pool));
  if (applied.length > 0) output.note(`  applied ${applied.join(", ")}`);
  const secretKeys = await SecretKeys.load({ secretKey: process.env.OW_SECRET_KEY, directory: dataDir });
  await registerSealingKey(pool, secretKeys);
  let serves: Status["serves"] = () => false;
  let readers: Status["readers"] = async () => 0;
  let counts: Status["counts"] = async () => new Map();
  parts.use(
    serveStatus(logsSocket, {
      serves: (worker, version) => serves(worker, version),
      readers: () => readers(),
      counts: (queueIds) => counts(queueIds),
    }),
  );
  signal.throwIfAborted();
  const report = reportTo(output);
  const metrics = processMetrics();
  const platformBus = parts.use(
    await output.step("Start the bus", () => openPlatformBus({ env: process.env, dataDir, report, signal })),
  );
  const { bus } = platformBus;
  counts = (queueIds) => countQueues(bus, queueIds);
  const logs = parts.use(
    await output.step("Start the logs service", () =>
      startPlatformLogs({ database: pool, databaseUrl: database.url, platformBus, metrics, report }),
    ),
  );
  readers = () => logs.clients();
  const emitter = parts.use(new LogEmitter({ bus, report }));
  addLogMetrics(metrics, () => emitter.stats());
  const postgate = await output.step("Start the database service", () =>
    startPostgate({
      database: pool,
      databaseUrl: database.url,
      secretKeys,
      dataDir,
      ports: options.databasePorts ?? {},
      output,
      report,
    }),
  );
  if (postgate !== undefined) {
    parts.use(postgate.service);
    // After the runner's, whose workers need it until they have answered.
    parts.defer(() => postgate.service.drain(drainMs));
  }
  const gateway =
    options.api === false ? undefined : await openPlatformGatewayOrWarn({ database: pool, report, output });
  if (gateway !== undefined) parts.use(gateway);
  const runner = parts.use(
    await output.step("Start the runner", () =>
      createRunner({
        database: pool,
        secretKeys,
        port: options.port,
        hostname: options.hostname,
        baseDomain: options.baseDomain,
        runtimeDir: join(runtimeDir, "cells"),
        sandbox: options.sandbox,
        logs: emitter,
        bus,
        metrics,
        report,
        logsUrl: logs.url,
        ...(gateway === undefined ? {} : { platform: gateway }),
        ...(postgate === undefined
          ? {}
          : {
              databases: postgate.service,
              databaseFaces: facesFrom(process.env) ?? reachableFaces(postgate.faces),
            }),
      }),
    ),
  );
  serves = (worker, version) => runner.serves(worker, version);
  parts.defer(() => runner.drain({ signal: AbortSignal.timeout(drainMs) }));
  const scheduler = parts.use(
    await output.step("Start the scheduler", () =>
      createScheduler({ database: pool, bus, settings: readSchedulerSettings(process.env), report }),
    ),
  );
  addBusMetrics(metrics, bus);
  addSchedulerMetrics(metrics, () => scheduler.stats());
  parts.use(createDelays({ database: pool, bus, report }));
  const mail = readMailSettings(process.env);
  if (mail !== undefined) parts.use(createMailer({ database: pool, secretKeys, settings: mail, report }));
  const { metricsPort } = options;
  const metricsServer =
    metricsPort === undefined
      ? undefined
      : parts.use(serveMetrics(metrics, { port: metricsPort, more: () => logs.metrics() }));
  const baseUrl = settings.baseUrl ?? workerUrl("api", options.baseDomain, runner.port).replace(/\/$/, "");
  const dashboard =
    options.dashboard === false
      ? undefined
      : dashboardOrigins(settings, { apiUrl: baseUrl, baseDomain: options.baseDomain });
  const api =
    gateway === undefined
      ? undefined
      : await output.step("Put the API live", () =>
          startApi({
            ...{ database: pool, secretKeys, dataDir, sandbox: options.sandbox },
            ...{ settings, baseUrl, signal, output },
            ...(dashboard === undefined ? {} : { dashboard }),
            serves: (worker, version) => runner.serves(worker, version),
          }),
        );
  const profile: Profile = {
    version: 1,
    name: options.profileName ?? String(runner.port),
    port: runner.port,
    baseDomain: options.baseDomain,
    databaseUrl: database.url,
    dataDir,
    logsSocket,
    logsUrl: logs.url,
    sandbox: options.sandbox,
    ...(postgate === undefined ? {} : { databases: postgate.faces }),
    pid: process.pid,
    startedAt: Date.now(),
  };
  parts.use(await writeProfile(profile));
  const running = parts.move();
  return {
    profile,
    summary: {
      port: runner.port,
      url: `http://${options.baseDomain}:${runner.port}`,
      dataDir,
      sandbox: options.sandbox,
      baseDomain: options.baseDomain,
      database: database.description,
      bus: platformBus.description,
      databases: postgate?.faces ?? null,
      metrics: metricsServer === undefined ? null : `http://127.0.0.1:${metricsServer.port}/metrics`,
      logs: logs.url,
      api: api ?? null,
      profile: profile.name,
      version: rootPackage.version,
      pid: process.pid,
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function external(url: string): PlatformDatabase {
  return { url, description: "PostgreSQL at DATABASE_URL", async [Symbol.asyncDispose]() {} };
}

// Before a database is started for nothing: the runner would find out as well.
async function requireSandbox(): Promise<void> {
  const state = await checkSandbox(readSettings(process.env).cellUidBase);
  if ("ok" in state) return;
  throw new OpenWorkersError("SANDBOX_UNAVAILABLE", state.problem, {
    hint: `${state.hint} To run workers WITHOUT isolation from this machine: --sandbox=none`,
  });
}
