import { expect, test } from "bun:test";
import { startTestNats } from "@openworkers/bus/testing";
import { encodeLogBatch, isOpenWorkersError, logSubject, streams } from "@openworkers/core";
import {
  connect,
  createLogToken,
  type Database,
  type EmbeddedPostgres,
  ensureOperator,
  migrate,
  startEmbeddedPostgres,
} from "@openworkers/db";
import { temporaryCluster } from "@openworkers/db/testing";
import { sql } from "kysely";
import { TestReader } from "./testing/reading.ts";
import { batchOf, line, type TestWorker, testWorker } from "./testing/records.ts";
import { ServiceProcess } from "./testing/service-process.ts";

const workers = 5;
/** 5,000 lines a second, in all. */
const linesPerBatch = 50;
const everyMs = 10;

async function world() {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false }));
  const database = parts.use(connect(postgres.url, { max: 4 }));
  await migrate(database);
  const operator = (await ensureOperator(database)).id;
  const nats = parts.use(await startTestNats());
  const bus = await nats.connect();
  const service = parts.use(await ServiceProcess.start(postgres.url, nats.servers));
  const shops = Array.from({ length: workers }, (_, index) => testWorker(`shop-${index}`));
  await database.write((transaction) =>
    transaction
      .insertInto("workers")
      .values(shops.map(({ workerId, worker }) => ({ id: workerId, name: worker, owner_id: operator })))
      .execute(),
  );
  const token = await createLogToken(database, {
    scope: { kind: "all" },
    expiresAt: new Date(Date.now() + 3_600_000),
    by: operator,
  });
  const all = parts.move();
  return {
    postgres,
    database,
    nats,
    bus,
    service,
    shops,
    token,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
type World = Awaited<ReturnType<typeof world>>;

/** Publishes until it is stopped, each batch until the bus has acknowledged it. Resolves to the lines. */
function publisher({ bus, shops }: World, signal: AbortSignal): Promise<string[]> {
  const acknowledged: string[] = [];
  const publish = async (shop: TestWorker, first: number) => {
    const messages = Array.from({ length: linesPerBatch }, (_, index) => `${shop.worker} ${first + index}`);
    const batch = batchOf(messages.map((message) => line(shop, message)));
    for (;;) {
      try {
        await bus.publish(logSubject(shop.workerId), encodeLogBatch(batch), {
          id: batch.batchId,
          timeoutMs: 2_000,
        });
        break;
      } catch (thrown) {
        if (!isOpenWorkersError(thrown, "BUS_UNAVAILABLE")) throw thrown;
      }
    }
    acknowledged.push(...messages);
  };
  // Each worker's in order, as a runner sends them.
  const lanes = shops.map(async (shop) => {
    for (let sent = 0; !signal.aborted; sent += linesPerBatch) {
      await Promise.all([publish(shop, sent), Bun.sleep(everyMs * workers)]);
    }
  });
  return Promise.all(lanes).then(() => acknowledged);
}

/** Resolves when at least so many lines more are stored. */
async function stored(database: Database, more: number): Promise<void> {
  const count = async () => {
    const { rows } = await database.read((queries) =>
      sql<{ count: number }>`select coalesce(sum(lines), 0)::bigint as count from worker_stats`.execute(
        queries,
      ),
    );
    return rows[0]?.count ?? 0;
  };
  const before = await count();
  while ((await count()) < before + more) await Bun.sleep(20);
}

async function settled({ bus }: World): Promise<void> {
  for (;;) {
    const { lastSeq } = await bus.streamState(streams.logs.name);
    const consumer = await bus.consumerState(streams.logs.name, "logs-writer");
    if (consumer !== undefined && consumer.floor >= lastSeq) return;
    await Bun.sleep(50);
  }
}

async function killPostgres(postgres: EmbeddedPostgres): Promise<void> {
  const { pid } = postgres;
  const ended = Promise.withResolvers<void>();
  using _handler = postgres.onExit(() => ended.resolve());
  if (pid === undefined) throw new Error("PostgreSQL does not run");
  process.kill(pid, "SIGKILL");
  await ended.promise;
}

const faults: Readonly<Record<string, (world: World) => Promise<void>>> = {
  "the logs service": async ({ service }) => {
    await service.kill();
    await service.start();
  },
  NATS: async ({ nats }) => {
    await nats.nodes[0]?.restart("SIGKILL");
  },
  PostgreSQL: async ({ postgres }) => {
    await killPostgres(postgres);
    await postgres.start();
  },
};

for (const [what, fault] of Object.entries(faults)) {
  test(`after kill -9 of ${what} every acknowledged line is stored once, and shown once`, async () => {
    await using all = await world();
    const { database, service, token, shops } = all;
    await using reader = await TestReader.start({
      url: async () => service.url,
      token: async () => token,
      filter: {},
      since: 0,
    });
    const stop = new AbortController();
    const publishing = publisher(all, stop.signal);
    for (let times = 0; times < 2; times++) {
      await stored(database, 2_500);
      await fault(all);
    }
    await stored(database, 2_500);
    stop.abort();
    const acknowledged = await publishing;
    await settled(all);
    const { rows } = await database.read((queries) =>
      sql<{ message: string }>`select message from logs order by position, index`.execute(queries),
    );
    const messages = rows.map(({ message }) => message);
    expect(messages.toSorted()).toEqual(acknowledged.toSorted());
    await reader.until(acknowledged.length);
    expect(reader.messages).toEqual(messages);
    for (const { worker } of shops) {
      const own = messages.filter((message) => message.startsWith(`${worker} `));
      expect(own).toEqual(own.map((_, index) => `${worker} ${index}`));
    }
    const { rows: sums } = await database.read((queries) =>
      sql<{ lines: number }>`select sum(lines)::bigint as lines from worker_stats`.execute(queries),
    );
    expect(sums[0]?.lines).toBe(acknowledged.length);
  }, 120_000);
}
