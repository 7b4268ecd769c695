import { describe, expect, test } from "bun:test";
import { type LogRecord, logLevels, newId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { withOwnedDatabase, withTestDatabase } from "@openworkers/db/testing";
import { type LogFilter, matchesFilter } from "../filter.ts";
import { comparePositions, endOf } from "../position.ts";
import { invocation, line, storable, testWorker } from "../testing/records.ts";
import { Partitions } from "./partitions.ts";
import { type ReadOptions, readRecords } from "./read.ts";
import { readStats } from "./read-stats.ts";
import { daysOf, type StorableBatch, storeBatches } from "./store-batches.ts";

async function store(database: Database, ...batches: StorableBatch[]): Promise<number> {
  await new Partitions(database).ensure(daysOf(batches));
  return storeBatches(database, batches);
}

/** Every record, page by page. */
async function readAll(database: Database, options: Omit<ReadOptions, "limit">, limit = 1_000) {
  const found = [];
  let next: Awaited<ReturnType<typeof readRecords>>["next"];
  do {
    const cursor =
      next === undefined ? {} : options.order === "oldest-first" ? { after: next } : { before: next };
    const page = await readRecords(database, { ...options, ...cursor, limit });
    found.push(...page.records);
    next = page.next;
  } while (next !== undefined);
  return found;
}

describe("stored records", () => {
  test("are read back as they were, in the order of their positions", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    const shop = testWorker();
    const records: LogRecord[] = [
      line(shop, "hello"),
      line(shop, "Boom", {
        level: "error",
        requestId: newId<"request">(),
        exception: { name: "TypeError", message: "Boom", stack: "TypeError: Boom\n    at a.js:1:2" },
      }),
      invocation(shop),
      invocation(shop, { trigger: "queue", event: "mails", method: "", host: "", path: "", status: 0 }),
    ];
    await store(database, storable(records.slice(2), 2), storable(records.slice(0, 2), 1));
    const all = { workers: [shop.workerId], filter: {} } as const;
    const oldestFirst = await readAll(database, { ...all, order: "oldest-first" });
    expect(oldestFirst.map(({ record }) => record)).toEqual(records);
    const newestFirst = await readAll(database, { ...all, order: "newest-first" }, 1);
    expect(newestFirst.map(({ record }) => record)).toEqual(records.toReversed());
  });

  test("are stored and read by an owner of the tables who is no superuser", async () => {
    await using fixture = await withOwnedDatabase();
    const { database } = fixture;
    const shop = testWorker();
    const records: LogRecord[] = [line(shop, "hello"), invocation(shop)];
    expect(await store(database, storable(records, 1))).toBe(2);
    const all = { workers: [shop.workerId], filter: {}, order: "oldest-first" } as const;
    expect((await readAll(database, all)).map(({ record }) => record)).toEqual(records);
  });

  test("are there once, however often their batch comes, also beside others and at the same time", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    const shop = testWorker();
    const batches = Array.from({ length: 20 }, (_, seq) =>
      storable([line(shop, `line ${seq}`), invocation(shop)], seq + 1),
    );
    const shuffled = batches.toSorted(() => Math.random() - 0.5);
    await new Partitions(database).ensure(daysOf(batches));
    await Promise.all([
      storeBatches(database, batches),
      storeBatches(database, shuffled),
      ...batches.map((batch) => storeBatches(database, [batch])),
    ]);
    const found = await readAll(database, { workers: [shop.workerId], filter: {}, order: "oldest-first" });
    expect(found.map(({ position }) => position)).toEqual(
      batches.flatMap(({ records }) => records.map(({ position }) => position)),
    );
    const [minute, other] = await readStats(database, shop.workerId, {
      from: 0,
      to: Date.now() + 120_000,
      stepMs: 86_400_000,
    });
    expect(other).toBeUndefined();
    expect(minute).toMatchObject({ lines: 20, requests: 20, errors: 0, outcomes: { ok: 20 } });
  });

  test("are there once when their publisher sent them again a day later", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    const shop = testWorker();
    const batchId = crypto.randomUUID();
    const midnight = Math.floor(Date.now() / 86_400_000) * 86_400_000;
    const before = storable([line(shop, "a", { time: midnight - 5 })], 1, {
      storedAt: midnight - 1,
      batchId,
    });
    const after = storable([line(shop, "a", { time: midnight - 5 })], 9, { storedAt: midnight + 1, batchId });
    expect([await store(database, before), await store(database, after)]).toEqual([1, 0]);
  });

  test("are as harmless as their text is hostile", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    const shop = testWorker();
    const hostile = [
      "a\0b",
      "\ud800",
      "\udfff\ud800",
      "'; drop table logs; --",
      "\\u0000",
      "\u0000",
      "x".repeat(900_000),
      "\uFFFF\u{10FFFF}",
      '"}],"',
      "",
    ];
    const records: LogRecord[] = hostile.flatMap((text) => [
      line(shop, text, { exception: { name: text, message: text, stack: text } }),
      invocation(shop, { method: text, host: text, path: text, event: text }),
      invocation(shop, {
        status: 2 ** 40,
        wallMs: 1e308,
        cpuMs: -1,
        version: 2 ** 50,
        time: 1e300,
        outcome: "\0\ud800" as "ok",
      }),
      line(shop, "old", { time: -5 }),
    ]);
    // What is older than all that is kept is for the writer to refuse; here it gets a partition.
    const batch = storable(records, 1);
    expect(await store(database, batch)).toBe(records.length);
    const found = await readAll(database, { workers: [shop.workerId], filter: {}, order: "oldest-first" });
    expect(found).toEqual([...batch.records]);
    expect(found[0]?.record).toMatchObject({ message: "a\uFFFDb" });
  });
});

describe("a filter", () => {
  const shop = testWorker();
  const requestId = newId<"request">();
  const records: LogRecord[] = [
    ...logLevels.map((level) => line(shop, `at ${level}`, { level })),
    line(shop, "Grüße ÄÖ", { requestId }),
    line(shop, "100%_a\\b", { exception: { name: "E", message: "m", stack: "in Stack.js" } }),
    line({ ...shop, version: 4 }, "newer"),
    invocation(shop, { requestId, path: "/Orders/7" }),
    invocation(shop, { outcome: "canceled", status: 499 }),
    invocation(shop, { outcome: "cpu-limit", status: 503 }),
    invocation(shop, { outcome: "ok", status: 502 }),
    invocation(shop, { outcome: "not-found", status: 404 }),
    invocation(shop, { outcome: "exception", status: 0, trigger: "scheduled", event: "* * * * *" }),
  ];
  const filters: LogFilter[] = [
    {},
    ...logLevels.map((level) => ({ level })),
    ...["grüSSe", "GRÜß", "äö", "stack.JS", "%", "_", "\\", "/orders", "GET shop.local", "at "].map(
      (search) => ({
        search,
      }),
    ),
    { kind: "line" },
    { kind: "invocation" },
    { kind: "line", outcome: "ok" },
    { requestId },
    { requestId: requestId.slice(-8) },
    { requestId: newId<"request">() },
    { version: 4 },
    ...["ok", "canceled", "cpu-limit", "exception", "none"].map((outcome) => ({ outcome })),
    ...["2xx", "4xx", "404", "5xx", "503"].map((status) => ({ status })),
    { level: "error", search: "at", version: 3 },
    { level: "error", status: "5xx", outcome: "ok" },
    { kind: "invocation", level: "warn" },
  ];

  test("finds in the database what it finds in the live stream", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    await store(database, storable(records, 1), storable([line(testWorker("other"), "at error")], 2));
    for (const filter of filters) {
      for (const order of ["oldest-first", "newest-first"] as const) {
        const found = await readAll(database, { workers: [shop.workerId], filter, order }, 2);
        const expected = records.filter((record) => matchesFilter(filter, record));
        expect({ filter, order, found: found.map(({ record }) => record) }).toEqual({
          filter,
          order,
          found: order === "oldest-first" ? expected : expected.toReversed(),
        });
      }
    }
  });

  test("that fits one of many is answered a piece at a time, and says where it stopped", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    const batches = Array.from({ length: 25 }, (_, batch) =>
      storable(
        Array.from({ length: 10_000 }, (_, index) =>
          line(shop, batch === 24 && index === 9_999 ? "needle" : "hay"),
        ),
        batch + 1,
      ),
    );
    await store(database, ...batches);
    const options = {
      workers: [shop.workerId],
      filter: { search: "needle" },
      order: "oldest-first",
    } as const;
    const page = await readRecords(database, { ...options, limit: 10 });
    expect(page.records).toEqual([]);
    // 500, 2,000, 8,000 and then 20,000 at a time.
    expect(page.next).toEqual(batches[19]?.records[499]?.position);
    const rest = await readAll(database, options, 10);
    expect(rest.map(({ position }) => position)).toEqual([{ batch: 2 ** 40 + 25, index: 9_999 }]);
  });
});

describe("a range", () => {
  test("of time holds what was logged in it, wherever it is in the stream", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    const shop = testWorker();
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    const times = [now - 90_000, now - 60_000, now - 59_999, now - 30_000, now - 1, now];
    // Late ones come after newer ones.
    const late = [now - 61_000, now - 45_000];
    await store(
      database,
      ...[...times, ...late].map((time, index) => storable([line(shop, String(time), { time })], index + 1)),
    );
    const read = async (from: number | undefined, to: number | undefined) =>
      (
        await readAll(database, { workers: [shop.workerId], filter: {}, order: "oldest-first", from, to })
      ).map(({ record }) => record.time);
    for (const from of [undefined, ...times]) {
      for (const to of [undefined, ...times, now + 1]) {
        const within = [...times, ...late].filter((time) => time >= (from ?? 0) && time < (to ?? Infinity));
        expect({ from, to, found: await read(from, to) }).toEqual({ from, to, found: within });
      }
    }
  });

  test("of positions begins after one and ends before another", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    const shop = testWorker();
    const batches = [1, 2, 3].map((seq) =>
      storable([line(shop, "a"), invocation(shop), line(shop, "b")], seq),
    );
    await store(database, ...batches);
    const positions = batches.flatMap(({ records }) => records.map(({ position }) => position));
    for (const after of positions) {
      const before = endOf(2 ** 40 + 2);
      const found = await readAll(database, {
        workers: "all",
        filter: {},
        order: "oldest-first",
        after,
        before,
      });
      expect(found.map(({ position }) => position)).toEqual(
        positions.filter(
          (position) => comparePositions(position, after) > 0 && comparePositions(position, before) < 0,
        ),
      );
    }
  });
});

test("the statistics of a range are those of its invocations", async () => {
  await using fixture = await withTestDatabase();
  const { database } = fixture;
  const shop = testWorker();
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;
  const records = Array.from({ length: 1_000 }, (_, index) =>
    invocation(shop, {
      time: hour + index * 3_000,
      wallMs: index % 100 === 0 ? 2_000 : 20,
      cpuMs: 0.5,
      coldStart: index % 100 === 0,
      outcome: index % 10 === 0 ? "exception" : index % 10 === 1 ? "canceled" : "ok",
    }),
  );
  for (let start = 0; start < records.length; start += 77) {
    await store(database, storable(records.slice(start, start + 77), start + 1));
  }
  await store(database, storable([invocation(testWorker("other"), { time: hour })], 5_000));
  const [first, second, ...rest] = await readStats(database, shop.workerId, {
    from: hour,
    to: hour + 3_600_000,
    stepMs: 1_800_000,
  });
  expect(rest).toEqual([]);
  expect(first).toMatchObject({
    time: hour,
    requests: 600,
    errors: 60,
    cpuMs: 300,
    coldStarts: 6,
    outcomes: { ok: 480, canceled: 60, exception: 60 },
  });
  expect(second).toMatchObject({ time: hour + 1_800_000, requests: 400, errors: 40 });
  for (const step of [first, second]) {
    expect(Math.abs((step?.p50 ?? 0) / 20 - 1)).toBeLessThan(0.092);
    expect(Math.abs((step?.p90 ?? 0) / 20 - 1)).toBeLessThan(0.092);
    expect(Math.abs((step?.p99 ?? 0) / 20 - 1)).toBeLessThan(0.092);
  }
  const minute = await readStats(database, shop.workerId, {
    from: hour,
    to: hour + 300_000,
    stepMs: 300_000,
  });
  expect(Math.abs((minute[0]?.p99 ?? 0) / 20 - 1)).toBeLessThan(0.092);
});
