import type { Bus } from "@openworkers/bus";
import { startTestNats } from "@openworkers/bus/testing";
import { encodePayload, type LogLine, logSubject, newId, streams, type WorkerId } from "@openworkers/core";
import {
  connect,
  createLogToken,
  type Database,
  ensureOperator,
  migrate,
  startEmbeddedPostgres,
} from "@openworkers/db";
import { temporaryCluster } from "@openworkers/db/testing";
import { createLogsService, followLogs, readLogsSettings } from "@openworkers/logs";
import { sql } from "kysely";
import { distribution, type Row } from "../report.ts";
import { percentile } from "../stats.ts";

const workers = 20;
const linesPerBatch = 50;
/** Batches under way at a time: what a runner has. */
const underWay = 16;
const latencyPerSecond = 1_000;

/** Lines from the bus into a durable PostgreSQL, and from publication to a client's stream. */
export async function measureLogs({ seconds }: { readonly seconds: number }): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await startEmbeddedPostgres({ dataDir: temporaryCluster() }));
  const database = parts.use(connect(postgres.url, { max: 4 }));
  await migrate(database);
  const nats = parts.use(await startTestNats());
  const bus = await nats.connect();
  const shops = await makeWorkers(database);
  await bus.declare(streams.logs);
  const lines = Math.max(50_000, seconds * 40_000);
  await publish(bus, shops, lines);
  const began = performance.now();
  const service = parts.use(
    await createLogsService({
      database,
      bus: await nats.connect(),
      ports: [0],
      settings: readLogsSettings({}),
      report: (message, details) => console.error(message, details),
    }),
  );
  await stored(database, lines);
  const perSecond = (lines / (performance.now() - began)) * 1_000;
  const latencies = await measureLatency(bus, database, service.url, shops, seconds);
  return [
    {
      what: `log lines from the bus into PostgreSQL, ${lines}`,
      value: `${perSecond.toFixed(0)} /s`,
      budget: "≥ 20,000 /s",
      ok: perSecond >= 20_000,
    },
    {
      what: `log line to client, ${latencyPerSecond} lines/s`,
      value: distribution(latencies, "ms"),
      budget: "≤ 200 ms p99",
      ok: percentile(latencies, 0.99) <= 200,
    },
  ];
}

async function makeWorkers(database: Database): Promise<WorkerId[]> {
  const operator = (await ensureOperator(database)).id;
  const ids = Array.from({ length: workers }, () => newId<"worker">());
  await database.write((transaction) =>
    transaction
      .insertInto("workers")
      .values(ids.map((id, index) => ({ id, name: `bench-${index}`, owner_id: operator })))
      .execute(),
  );
  return ids;
}

function line(workerId: WorkerId, requestId: LogLine["requestId"]): LogLine {
  return {
    kind: "line",
    time: performance.timeOrigin + performance.now(),
    workerId,
    worker: "bench",
    versionId: newId<"version">(),
    version: 1,
    ...(requestId === undefined ? {} : { requestId }),
    level: "log",
    message: "GET /orders/1234 took 12 ms, and the cache had what it needed",
  };
}

async function send(bus: Bus, workerId: WorkerId, count: number): Promise<void> {
  const requestId = newId<"request">();
  const records = Array.from({ length: count }, () => line(workerId, requestId));
  const batchId = crypto.randomUUID();
  await bus.publish(logSubject(workerId), encodePayload({ v: 1, batchId, records } as { v: 1 }), {
    id: batchId,
  });
}

async function publish(bus: Bus, ids: readonly WorkerId[], lines: number): Promise<void> {
  let left = lines;
  await Promise.all(
    Array.from({ length: underWay }, async (_, lane) => {
      for (let turn = lane; left > 0; turn++) {
        left -= linesPerBatch;
        const id = ids[turn % ids.length];
        if (id !== undefined) await send(bus, id, linesPerBatch);
      }
    }),
  );
}

async function stored(database: Database, lines: number): Promise<void> {
  const count = async () => {
    const { rows } = await database.read((queries) =>
      sql<{ lines: number }>`select coalesce(sum(lines), 0)::bigint as lines from worker_stats`.execute(
        queries,
      ),
    );
    return rows[0]?.lines ?? 0;
  };
  while ((await count()) < lines) await Bun.sleep(50);
}

/** From the moment at which a line was made to that at which a client has it; the runner's own 25 ms come on top. */
async function measureLatency(
  bus: Bus,
  database: Database,
  url: string,
  ids: readonly WorkerId[],
  seconds: number,
): Promise<number[]> {
  const by = (await ensureOperator(database)).id;
  const latencies: number[] = [];
  const stop = new AbortController();
  const connected = Promise.withResolvers<void>();
  const wanted = latencyPerSecond * seconds;
  const reading = (async () => {
    for await (const record of followLogs({
      url: async () => url,
      token: () =>
        createLogToken(database, { scope: { kind: "all" }, expiresAt: new Date(Date.now() + 3_600_000), by }),
      filter: {},
      signal: stop.signal,
      onConnected: connected.resolve,
    })) {
      latencies.push(performance.timeOrigin + performance.now() - record.time);
      if (latencies.length >= wanted) return;
    }
  })();
  await connected.promise;
  const batchLines = 5;
  const everyMs = (batchLines / latencyPerSecond) * 1_000;
  const began = performance.now();
  const sending: Promise<void>[] = [];
  for (let batch = 0; batch * batchLines < wanted; batch++) {
    const due = began + batch * everyMs - performance.now();
    if (due > 0) await Bun.sleep(due);
    const id = ids[batch % ids.length];
    if (id !== undefined) sending.push(send(bus, id, batchLines));
  }
  await Promise.all(sending);
  await reading;
  stop.abort();
  return latencies;
}
