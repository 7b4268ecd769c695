import { join } from "node:path";
import type { Bus } from "@openworkers/bus";
import {
  BoundedReports,
  type LogSink,
  newId,
  OpenWorkersError,
  type QueueId,
  type Registry,
  type Report,
} from "@openworkers/core";
import { type Database, openProgram, type SecretKeys } from "@openworkers/db";
import { AssetServer } from "../assets/asset-server.ts";
import { Broker } from "../bindings/broker.ts";
import { defaultCacheLimits } from "../bindings/cache/store.ts";
import type { DatabaseFaces, DatabaseGateway } from "../bindings/database/gateway.ts";
import type { PlatformGateway } from "../bindings/platform/gateway.ts";
import type { SendPreview } from "../bindings/platform/previews.ts";
import { PlatformServices } from "../bindings/platform/services.ts";
import { DatabaseShares } from "../bindings/shares/database-shares.ts";
import { BucketStores } from "../bindings/storage/bucket-stores.ts";
import { storageServices } from "../bindings/storage/storage-services.ts";
import { type CellHost, findSandbox, openCellHost, type Sandbox } from "../cells/mod.ts";
import { trustedCertificates } from "../egress/dial/certificates.ts";
import { Egress } from "../egress/egress.ts";
import { type Endpoint, Guard } from "../egress/guard/guard.ts";
import { createEventDispatch } from "../events/create-dispatch.ts";
import type { EventDispatch } from "../events/dispatch.ts";
import { QueueConsumers } from "../events/queues/mod.ts";
import { ScheduledConsumer } from "../events/scheduled-consumer.ts";
import { type DrainOptions, ServiceIngress, startIngress } from "../ingress/mod.ts";
import { addEventMetrics } from "../metrics/event-metrics.ts";
import { MeteredLogs } from "../metrics/metered-logs.ts";
import { addRunnerMetrics, startBounds } from "../metrics/runner-metrics.ts";
import { WorkerSeries } from "../metrics/worker-series.ts";
import { type FeedState, ProgramCache, RoutingFeed } from "../routing/mod.ts";
import { Supervisor, type SupervisorStats } from "../supervisor/mod.ts";
import { openTracer } from "../tracing/open-tracer.ts";
import { Census } from "./census.ts";
import { endpointsOf, localAddresses } from "./own-addresses.ts";
import { type RunnerSettings, readSettings } from "./settings.ts";
import { type RunnerStatus, runnerStatus } from "./status.ts";

export interface RunnerOptions {
  /** Migrated. The caller's: it outlives the runner. */
  readonly database: Database;
  readonly secretKeys: SecretKeys;
  /** Where tenant databases are; without, bindings to them answer that there are none. The caller's. */
  readonly databases?: DatabaseGateway;
  /** Where people reach these themselves: what the API tells them to connect to. */
  readonly databaseFaces?: DatabaseFaces;
  /** The platform's side of Postgate, for its own workers; without, these reach nothing. The caller's. */
  readonly platform?: PlatformGateway;
  /** Where the platform's own workers read logs. */
  readonly logsUrl?: string;
  /** Where due crons come from; without, none run here. The caller's. */
  readonly bus?: Bus;
  /** 0 picks a free one; `Runner.port` says which. */
  readonly port: number;
  readonly hostname: string;
  /** Where workers have their names: `<worker>.<baseDomain>`. */
  readonly baseDomain: string;
  /** A directory with a short path for the cells' sockets (at most 60 bytes). */
  readonly runtimeDir: string;
  readonly sandbox: Sandbox["kind"];
  /** Where console lines, exceptions and invocations go. */
  readonly logs: LogSink;
  /** Is told what the runner does, in numbers. */
  readonly metrics?: Registry;
  /** What an operator should read, so many a minute. Default: one JSON line each on stderr. Never throws. */
  readonly report?: Report;
  /** Default: read from the process's environment variables. */
  readonly settings?: RunnerSettings;
}

export interface RunnerStats extends SupervisorStats {
  readonly connections: number;
  readonly routing: FeedState;
}

/** A running runner: ingress, routing and cells. Disposing of it ends all of it at once. */
export interface Runner extends AsyncDisposable {
  readonly port: number;
  /** Runs events that are no requests. */
  readonly events: EventDispatch;
  stats(): RunnerStats;
  /** The process ids of the cells that serve, with their workers. */
  cells(): { worker: string; version: number; pid: number; inFlight: number }[];
  /** Whether requests for `worker` may reach `version` by now: a deploy comes to a runner as a notification. */
  serves(worker: string, version: number): boolean;
  /** Whether it takes messages of a queue by now, or still works on some. */
  delivers(queueId: QueueId): boolean;
  /** Takes no new connection and no new event, and lets what is under way finish, until `signal` aborts. */
  drain(options: DrainOptions): Promise<void>;
}

/**
 * Starts a runner: it serves every live worker of the database until it is disposed of.
 *
 * @throws OpenWorkersError SANDBOX_UNAVAILABLE, DATABASE_UNAVAILABLE, PORT_IN_USE, CONFIG_INVALID
 */
export async function createRunner(options: RunnerOptions): Promise<Runner> {
  const { database, secretKeys, databases, baseDomain, metrics, platform: gateway } = options;
  const settings = options.settings ?? readSettings(process.env);
  const logs = metrics === undefined ? options.logs : metered(options.logs, metrics, settings);
  // Disposed in reverse: no request comes in, then no cell runs, then nothing is read or started any more.
  await using parts = new AsyncDisposableStack();
  const { report } = parts.use(new BoundedReports(options.report ?? reportToStderr));
  const tracer =
    settings.traces === undefined ? undefined : parts.use(await openTracer(settings.traces, report));
  const endpoints: Endpoint[] = await endpointsOf(database);
  const guard = new Guard({
    open: settings.egress.open,
    permissions: settings.egress.permissions,
    localAddresses,
    platform: () => endpoints,
  });
  const authorities = trustedCertificates(settings.egress.certificates);
  const storage = storageServices(settings, guard);
  const assets = new AssetServer({ database, cacheBytes: settings.assetCacheBytes, report });
  const cacheLimits = settings.cacheLimits ?? defaultCacheLimits;
  const shares = parts.use(new DatabaseShares(database));
  // What they need of the runner is there before any of them runs.
  const previews = join(options.runtimeDir, `${process.pid}.p${newId().slice(-8)}`);
  const services: {
    host?: CellHost;
    calls?: ServiceIngress;
    runners?: () => Promise<readonly unknown[]>;
  } = {};
  const platformServices =
    gateway === undefined
      ? undefined
      : new PlatformServices({
          database,
          secretKeys,
          gateway,
          stores: new BucketStores(database, secretKeys, storage),
          host: () => started(services.host),
          preview: previewsAt(previews, baseDomain),
          runners: () => started(services.runners)(),
          report,
          ...(options.bus === undefined ? {} : { bus: options.bus }),
          ...(databases === undefined ? {} : { databases }),
          ...(options.databaseFaces === undefined ? {} : { databaseFaces: options.databaseFaces }),
          ...(options.logsUrl === undefined ? {} : { logsUrl: options.logsUrl }),
        });
  const broker = parts.use(
    Broker.of({
      database,
      shares,
      secretKeys,
      assets,
      storage,
      cacheLimits,
      report,
      ...(databases === undefined ? {} : { databases }),
      ...(platformServices === undefined ? {} : { platform: platformServices }),
      ...(options.bus === undefined ? {} : { bus: options.bus }),
    }),
  );
  const egress = parts.use(new Egress({ guard, authorities, report }));
  // Cells come first and calls between them last; no cell has a binding before there is somebody who takes its calls.
  const host = parts.use(
    await openCellHost({
      broker,
      egress,
      ...(databases === undefined ? {} : { databases }),
      ...(gateway === undefined ? {} : { platform: gateway }),
      services: { listen: (...given) => started(services.calls).listen(...given) },
      sandbox: findSandbox(options.sandbox, settings.cellUidBase),
      runtimeDir: options.runtimeDir,
    }),
  );
  services.host = host;
  const programs = new ProgramCache({
    database,
    open: (stored) => openProgram(stored, secretKeys),
    ...(settings.codeCacheBytes === undefined ? {} : { maxBytes: settings.codeCacheBytes }),
    report,
  });
  const maxOpenFiles = settings.maxOpenFiles ?? host.maxOpenFiles;
  const supervisor = parts.use(
    new Supervisor({
      programs,
      launch: () => host.launchBlank(),
      logs,
      report,
      ...(maxOpenFiles === undefined ? {} : { maxOpenFiles }),
      ...(settings.maxCells === undefined ? {} : { maxCells: settings.maxCells }),
      ...(settings.warmCells === undefined ? {} : { warmCells: settings.warmCells }),
      ...(settings.idleMs === undefined ? {} : { idleMs: settings.idleMs }),
      ...(metrics === undefined ? {} : { onStarted: observeStarts(metrics) }),
    }),
  );
  let ready = false;
  const routing: RoutingFeed = parts.use(
    await RoutingFeed.start({
      database,
      baseDomain,
      maxima: settings.maxima,
      report,
      onChange: (added) => {
        programs.prefetch(added);
        assets.prefetch(added.filter((target) => target.assets === true).map(({ versionId }) => versionId));
        // Not before `start` has returned: nothing can have been started from an older table then.
        if (ready) supervisor.retain((target) => routing.isLive(target));
      },
    }),
  );
  ready = true;
  services.calls = parts.use(
    new ServiceIngress({
      router: {
        choose: (workerId, versionKey) => routing.choose(workerId, versionKey),
        // A version that is only previewed takes no calls.
        isLive: (target) => routing.table.isLive(target),
      },
      dispatcher: supervisor,
      assets,
      logs,
      tracer,
      report,
    }),
  );
  const events = createEventDispatch({
    router: { choose: (workerId, versionKey) => routing.choose(workerId, versionKey) },
    dispatcher: supervisor,
    logs,
    tracer,
    report,
  });
  const scheduled =
    options.bus === undefined
      ? undefined
      : parts.use(new ScheduledConsumer({ bus: options.bus, dispatch: events, report }));
  const queues =
    options.bus === undefined
      ? undefined
      : parts.use(
          await QueueConsumers.start({
            database,
            bus: options.bus,
            dispatch: events,
            router: { choose: (workerId, versionKey) => routing.choose(workerId, versionKey) },
            logs,
            report,
          }),
        );
  const ingress = parts.use(
    startIngress({
      port: options.port,
      hostname: options.hostname,
      baseDomain,
      router: routing,
      dispatcher: supervisor,
      assets,
      logs,
      tracer,
      trustedProxies: settings.trustedProxies,
      ...(platformServices === undefined ? {} : { previews }),
      report,
    }),
  );
  endpoints.push({ port: ingress.port });
  const status = () =>
    runnerStatus({
      port: ingress.port,
      connections: ingress.connections,
      routing: routing.state,
      supervisor,
    });
  const census =
    options.bus === undefined ? undefined : parts.use(new Census({ bus: options.bus, status, report }));
  services.runners = () => runnersOf(census, status, report);
  if (metrics !== undefined) {
    addRunnerMetrics(metrics, {
      stats: () => supervisor.stats(),
      busyCells: () => [...supervisor.cells()].filter(({ inFlight }) => inFlight > 0).length,
      connections: () => ingress.connections,
      routing: () => routing.state,
    });
    if (options.bus !== undefined && queues !== undefined) {
      parts.use(addEventMetrics(metrics, { bus: options.bus, queues: () => queues.stats(), report }));
    }
  }
  const running = parts.move();
  return {
    port: ingress.port,
    events,
    stats: () => ({ ...supervisor.stats(), connections: ingress.connections, routing: routing.state }),
    cells: () =>
      [...supervisor.cells()].map(({ target, pid, inFlight }) => ({
        worker: target.worker,
        version: target.version,
        pid,
        inFlight,
      })),
    serves: (worker, version) =>
      [...routing.table.targets()].some((target) => target.worker === worker && target.version === version),
    delivers: (queueId) => queues?.delivers(queueId) === true,
    async drain({ signal }) {
      await Promise.all([ingress.drain({ signal }), scheduled?.drain(signal), queues?.drain({ signal })]);
    },
    async [Symbol.asyncDispose]() {
      ready = false;
      await running.disposeAsync();
    },
  };
}

/** All runners that can be asked; this one alone while the bus is away. */
async function runnersOf(
  census: Census | undefined,
  status: () => RunnerStatus,
  report: Report,
): Promise<readonly unknown[]> {
  try {
    const told = (await census?.take()) ?? [];
    if (told.length > 0) return told;
  } catch (error) {
    report("The other runners could not be asked.", { error });
  }
  return [status()];
}

/** A part that is made later than those which ask for it when cells run. */
function started<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new OpenWorkersError("INTERNAL", "The runner has not started yet.");
  return part;
}

/** To the ingress's own socket for previews: nowhere else, whatever the path says. */
function previewsAt(unix: string, baseDomain: string): SendPreview {
  return (label, path, init) => {
    init.headers.set("host", `${label}.${baseDomain}`);
    return fetch(`http://preview${path}`, {
      ...init,
      unix,
      redirect: "manual",
      decompress: false,
      keepalive: false,
    });
  };
}

function metered(logs: LogSink, metrics: Registry, settings: RunnerSettings): LogSink {
  return new MeteredLogs(
    logs,
    metrics,
    settings.metricsPerWorker === true ? new WorkerSeries(metrics) : undefined,
  );
}

function observeStarts(metrics: Registry): (ms: number) => void {
  const starts = metrics.histogram(
    "ow_cell_start_seconds",
    "From a cell being wanted to it being ready.",
    startBounds,
  );
  return (ms) => starts.observe(ms / 1_000);
}

function reportToStderr(message: string, details: Record<string, unknown>): void {
  const readable = Object.entries(details).map(([key, value]) => [
    key,
    value instanceof Error ? (value.stack ?? value.message) : value,
  ]);
  console.error(JSON.stringify({ time: new Date().toISOString(), message, ...Object.fromEntries(readable) }));
}
