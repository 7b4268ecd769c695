import { expect, test } from "bun:test";
import { createUser, type Database, ensureOperator, setLogRetention } from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { line, storable, type TestWorker, testWorker } from "../testing/records.ts";
import { Partitions } from "./partitions.ts";
import { readRecords } from "./read.ts";
import { keepHouse } from "./retention.ts";
import { daysOf, storeBatches } from "./store-batches.ts";

const dayMs = 86_400_000;
const midnight = Math.floor(Date.now() / dayMs) * dayMs;
const signal = new AbortController().signal;

async function store(database: Database, worker: TestWorker, time: number, seq: number): Promise<void> {
  const batch = storable([line(worker, new Date(time).toISOString(), { time })], seq, { storedAt: time });
  await new Partitions(database).ensure(daysOf([batch]));
  await storeBatches(database, [batch]);
}

async function times(database: Database, worker: TestWorker): Promise<number[]> {
  const { records } = await readRecords(database, {
    workers: [worker.workerId],
    filter: {},
    order: "oldest-first",
    limit: 1_000,
  });
  return records.map(({ record }) => record.time);
}

async function partitions(database: Database, table: string): Promise<string[]> {
  return (await new Partitions(database).list(table)).map(({ name }) => name);
}

test("today's and tomorrow's partitions are made ahead, also by ten services at once", async () => {
  await using fixture = await withTestDatabase();
  const { database } = fixture;
  const kept = { records: 7, stats: 30 };
  await Promise.all(
    Array.from({ length: 10 }, () =>
      keepHouse(database, new Partitions(database), { now: midnight + dayMs - 1, kept, signal }),
    ),
  );
  const suffixes = [midnight, midnight + dayMs].map((time) =>
    new Date(time).toISOString().slice(0, 10).replaceAll("-", ""),
  );
  for (const table of ["logs", "invocations", "worker_stats", "log_batches"]) {
    expect(await partitions(database, table)).toEqual(suffixes.map((suffix) => `${table}_${suffix}`));
  }
});

test("records on both sides of midnight lie in the partitions of their days, and are one list", async () => {
  await using fixture = await withTestDatabase();
  const { database } = fixture;
  const shop = testWorker();
  const moments = [midnight - 1, midnight, midnight + 1];
  for (const [index, time] of moments.entries()) await store(database, shop, time, index + 1);
  expect(await times(database, shop)).toEqual(moments);
  const counts = await Promise.all(
    (await partitions(database, "logs")).map(async (name) => {
      const { rows } = await database.read((queries) =>
        sql<{ count: number }>`select count(*) from ${sql.table(name)}`.execute(queries),
      );
      return rows[0]?.count;
    }),
  );
  expect(counts).toEqual([1, 2]);
});

test("days that are past are dropped, with their statistics and batches when theirs are", async () => {
  await using fixture = await withTestDatabase();
  const { database } = fixture;
  const shop = testWorker();
  const moments = Array.from({ length: 12 }, (_, days) => midnight - (11 - days) * dayMs + 5);
  for (const [index, time] of moments.entries()) await store(database, shop, time, index + 1);
  const house = () =>
    keepHouse(database, new Partitions(database), {
      now: midnight + 10,
      kept: { records: 7, stats: 9 },
      signal,
    });
  const { dropped } = await house();
  expect(await times(database, shop)).toEqual(moments.slice(-8));
  // Two services may do it at once, or one after the other.
  expect((await house()).dropped).toEqual([]);
  expect(dropped.filter((name) => name.startsWith("logs_"))).toHaveLength(4);
  expect(await partitions(database, "worker_stats")).toHaveLength(11);
  expect(await partitions(database, "log_batches")).toHaveLength(5);
});

test("a day that somebody reads is left until the next time, and holds up neither readers nor writers", async () => {
  await using fixture = await withTestDatabase();
  const { database } = fixture;
  const shop = testWorker();
  await store(database, shop, midnight - 9 * dayMs, 1);
  const house = () =>
    keepHouse(database, new Partitions(database), { now: midnight, kept: { records: 7, stats: 30 }, signal });
  await database.snapshot(async (queries) => {
    await sql`select count(*) from logs`.execute(queries);
    expect((await house()).dropped).not.toContainEqual(expect.stringMatching(/^logs_/));
    await store(database, shop, midnight, 2);
  });
  expect((await house()).dropped).toContainEqual(expect.stringMatching(/^logs_/));
  expect(await times(database, shop)).toEqual([midnight]);
});

test("a worker that keeps its logs for a shorter time loses its own alone", async () => {
  await using fixture = await withTestDatabase();
  const { database } = fixture;
  const operator = (await ensureOperator(database)).id;
  const [brief, other] = [testWorker("brief"), testWorker("other")];
  await database.write((transaction) =>
    transaction
      .insertInto("workers")
      .values(
        [brief, other].map(({ workerId, worker }) => ({ id: workerId, name: worker, owner_id: operator })),
      )
      .execute(),
  );
  await setLogRetention(database, { worker: "brief", days: 2, by: operator });
  const stranger = (await createUser(database, "stranger")).id;
  await expect(setLogRetention(database, { worker: "brief", days: 9, by: stranger })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  const moments = Array.from({ length: 6 }, (_, days) => midnight - (5 - days) * dayMs);
  for (const [index, time] of moments.entries()) {
    await store(database, brief, time, 2 * index + 1);
    await store(database, other, time, 2 * index + 2);
  }
  const { deleted } = await keepHouse(database, new Partitions(database), {
    now: midnight + 5,
    kept: { records: 7, stats: 30 },
    signal,
  });
  expect([deleted, await times(database, brief), await times(database, other)]).toEqual([
    3,
    moments.slice(-3),
    moments,
  ]);
});
