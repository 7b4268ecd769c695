import type { Bus, ConsumerDefinition, Consumption } from "@openworkers/bus";
import {
  BoundedReports,
  isOpenWorkersError,
  logsConsumer,
  messageOf,
  Registry,
  type Report,
  streams,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { Authorizer } from "./http/authorizer.ts";
import { LogsFace } from "./http/face.ts";
import { BatchCache } from "./live/batch-cache.ts";
import { addLogsMetrics, type LogsMetrics } from "./metrics.ts";
import type { LogsSettings } from "./settings.ts";
import { type KeptDays, Partitions } from "./store/partitions.ts";
import { keepHouse } from "./store/retention.ts";
import { scanParameters } from "./store/scan.ts";
import { StreamPlace } from "./stream-place.ts";
import { Writer } from "./writer/writer.ts";

export interface LogsServiceOptions {
  /** Migrated. The service makes connections of its own to it. */
  readonly database: Database;
  readonly bus: Bus;
  /** Tried in this order; 0 is any free one. */
  readonly ports: readonly number[];
  /** 127.0.0.1 unless given. */
  readonly hostname?: string;
  readonly settings: LogsSettings;
  /** Where it tells its numbers. */
  readonly metrics?: Registry;
  readonly report: Report;
  readonly heartbeatMs?: number;
  /** How long what a token lets read holds until it is asked for again, also of streams; 10 seconds unless given. */
  readonly checkMs?: number;
}

export interface LogsService extends AsyncDisposable {
  /** Of its HTTP face, with a slash at the end. */
  readonly url: string;
  /** How many follow logs here now. */
  readonly clients: number;
  /** Whether it stores what comes: false while a write has failed. */
  readonly healthy: boolean;
}

/** Connections to PostgreSQL. Questions have their own, so that many of them hold up neither writer nor logins. */
const connections = { writing: 3, reading: 4 } as const;
/** A ninth of the processor time of who serves requests, when there is not enough for all (sched(7)). */
const writingNice = 10;
/** What a killed service held is stored by another so much later; one that waits for PostgreSQL says that it works. */
const ackWaitMs = 10_000;
const workingMs = 3_000;
const lookMs = 2_000;
const defaultCheckMs = 10_000;
const houseMs = 600_000;
/** How long what was taken from the bus may still be stored when the service stops. */
const drainMs = 5_000;

const consumer: ConsumerDefinition = {
  stream: streams.logs.name,
  name: logsConsumer,
  subject: streams.logs.subject,
  // At most 256 KiB each as a rule, so 64 MiB.
  inFlight: 256,
  maxUnacknowledged: 2_048,
  ackWaitMs,
  backoffMs: [100, 1_000, 5_000],
};

/**
 * Stores what workers log, and lets read it: consumes the stream of log records, as one of any number of services, and
 * serves HTTP. Disposing of it stores what it holds, ends streams with a word, and takes no more.
 *
 * @throws OpenWorkersError PORT_IN_USE, DATABASE_UNAVAILABLE, BUS_UNAVAILABLE
 */
export async function createLogsService(options: LogsServiceOptions): Promise<LogsService> {
  await using parts = new AsyncDisposableStack();
  const { bus, settings } = options;
  const { report } = parts.use(new BoundedReports(options.report));
  const database = parts.use(
    options.database.another({
      max: connections.writing,
      applicationName: "openworkers-logs",
      nice: writingNice,
    }),
  );
  const reading = parts.use(
    options.database.another({
      max: connections.reading,
      applicationName: "openworkers-logs",
      parameters: scanParameters,
    }),
  );
  const kept: KeptDays = { records: settings.retentionDays, stats: settings.statsDays };
  await bus.declare(streams.logs);
  const place = new StreamPlace(bus, database);
  await place.look();
  const partitions = new Partitions(database);
  let lag = 0;
  let face: LogsFace | undefined;
  let writer: Writer | undefined;
  const metrics = addLogsMetrics(options.metrics ?? new Registry(), () => ({
    clients: face?.clients ?? 0,
    heldBatches: writer?.held ?? 0,
    lag,
  }));
  parts.use(repeating(houseMs, report, (signal) => house(database, partitions, kept, signal, report)));
  writer = new Writer({ database, partitions, place, kept, metrics, report });
  const running = writer;
  const consumption = await bus.consume(consumer, (message) => running.write(message));
  parts.defer(() => stop(consumption, running));
  parts.use(repeating(workingMs, report, async () => running.working()));
  parts.use(
    repeating(lookMs, report, async () => {
      await place.look();
      const { pending = 0, unacknowledged = 0 } =
        (await bus.consumerState(consumer.stream, consumer.name)) ?? {};
      lag = pending + unacknowledged;
    }),
  );
  const authorizer = new Authorizer(database, options.checkMs ?? defaultCheckMs);
  face = parts.use(listen(options, reading, authorizer, place, metrics, report));
  const served = face;
  parts.use(place.onNewStream(() => served.moved()));
  const all = parts.move();
  return {
    url: served.url,
    get clients() {
      return served.clients;
    },
    get healthy() {
      return running.healthy;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function stop(consumption: Consumption, writer: Writer): Promise<void> {
  await Promise.all([consumption[Symbol.asyncDispose](), writer.stop(drainMs)]);
}

async function house(
  database: Database,
  partitions: Partitions,
  kept: KeptDays,
  signal: AbortSignal,
  report: Report,
): Promise<void> {
  const { dropped, deleted } = await keepHouse(database, partitions, { now: Date.now(), kept, signal });
  if (dropped.length > 0) report("Old logs were dropped.", { partitions: dropped });
  if (deleted > 0) report("Logs of workers that keep theirs for a shorter time were deleted.", { deleted });
}

function listen(
  { ports, hostname = "127.0.0.1", settings, bus, heartbeatMs, checkMs = defaultCheckMs }: LogsServiceOptions,
  database: Database,
  authorizer: Authorizer,
  place: StreamPlace,
  metrics: LogsMetrics,
  report: Report,
): LogsFace {
  const source = { bus, database, place, cache: new BatchCache() };
  const { origins, mostClients } = settings;
  const face = { hostname, source, database, authorizer, origins, mostClients, metrics, report, checkMs };
  for (const [index, port] of ports.entries()) {
    try {
      return LogsFace.listen({ ...face, port, ...(heartbeatMs === undefined ? {} : { heartbeatMs }) });
    } catch (thrown) {
      if (index === ports.length - 1 || !isOpenWorkersError(thrown, "PORT_IN_USE")) throw thrown;
    }
  }
  throw new RangeError("a logs service needs a port");
}

/** Does `work` now and then every so often, one after the other; what fails is reported and tried again. */
function repeating(
  everyMs: number,
  report: Report,
  work: (signal: AbortSignal) => Promise<void>,
): AsyncDisposable {
  const stopped = new AbortController();
  let running: Promise<void> | undefined;
  const run = () => {
    running ??= work(stopped.signal)
      .catch((thrown: unknown) => {
        if (!stopped.signal.aborted)
          report("The logs service could not do its upkeep.", { error: messageOf(thrown) });
      })
      .finally(() => {
        running = undefined;
      });
  };
  run();
  const timer = setInterval(run, everyMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stopped.abort();
      await running;
    },
  };
}
