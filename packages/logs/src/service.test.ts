import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeLogBatch, encodePayload, type LogRecord, logSubject, streams } from "@openworkers/core";
import { sql } from "kysely";
import { queryLogs } from "./client/query-logs.ts";
import { startTestLogs, type TestLogs } from "./testing/platform.ts";
import { TestReader } from "./testing/reading.ts";
import { batchOf, invocation, line, type TestWorker } from "./testing/records.ts";

let logs: TestLogs;
beforeAll(async () => {
  logs = await startTestLogs();
});
afterAll(() => logs[Symbol.asyncDispose]());

async function reader(
  url: string,
  { workerId }: TestWorker,
  more: Partial<Parameters<typeof TestReader.start>[0]> = {},
) {
  return TestReader.start({
    url: async () => url,
    token: () => logs.token(),
    workerId,
    filter: {},
    ...more,
  });
}

async function stored(url: string, { workerId }: TestWorker): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  for await (const record of queryLogs({
    url,
    token: await logs.token(),
    workerId,
    filter: {},
    order: "oldest-first",
    limit: 1_000_000,
    signal: AbortSignal.timeout(60_000),
  })) {
    found.push(record);
  }
  return found;
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

describe("the logs service", () => {
  test("stores what the bus has, shows it live, and gives both to who comes later", async () => {
    const shop = await logs.worker("shop-a");
    await using service = await logs.serve();
    await using early = await reader(service.url, shop);
    const records = [line(shop, "one"), line(shop, "two", { level: "error" }), invocation(shop)];
    await logs.publish(shop.workerId, records);
    await early.until(3);
    expect(early.records).toMatchObject(records);
    await logs.settled();
    expect(await stored(service.url, shop)).toMatchObject(records);
    await using late = await reader(service.url, shop, { history: 2 });
    await logs.publish(shop.workerId, [line(shop, "three")]);
    await late.until(3);
    expect(late.messages).toEqual(["two", "/a", "three"]);
    await using since = await reader(service.url, shop, { since: 0, filter: { kind: "line" } });
    await since.until(3);
    expect(since.messages).toEqual(["one", "two", "three"]);
  });

  test("shows one worker's records alone, and those that fit the filter", async () => {
    const [mine, theirs] = [await logs.worker("mine-b"), await logs.worker("theirs-b")];
    await using service = await logs.serve();
    await using errors = await reader(service.url, mine, { filter: { level: "error" } });
    await using everything = await TestReader.start({
      url: async () => service.url,
      token: () => logs.token(),
      filter: {},
    });
    await logs.publish(mine.workerId, [line(mine, "a"), line(mine, "b", { level: "error" })]);
    await logs.publish(theirs.workerId, [line(theirs, "c", { level: "error" })]);
    // Claims to be another's: whoever may publish for one worker speaks for it alone.
    await logs.publish(theirs.workerId, [line(mine, "forged", { level: "error" })]);
    await logs.publish(mine.workerId, [line(mine, "d", { level: "error" })]);
    await errors.until(2);
    await everything.until(4);
    expect(errors.messages).toEqual(["b", "d"]);
    expect(everything.messages).toEqual(["a", "b", "c", "d"]);
  });

  test("skips what is no batch, and says so", async () => {
    const shop = await logs.worker("shop-c");
    await using service = await logs.serve();
    const batch = batchOf([line(shop, "x")]);
    const wrong = [
      new TextEncoder().encode("{"),
      encodePayload({ ...batch, v: 3 }),
      encodeLogBatch({ ...batch, records: [] }),
    ];
    for (const payload of wrong) {
      await logs.bus.publish(logSubject(shop.workerId), payload, { id: crypto.randomUUID() });
    }
    await logs.bus.publish("ow.logs.nobody", encodeLogBatch(batch), { id: crypto.randomUUID() });
    await logs.publish(shop.workerId, [line(shop, "right")]);
    await logs.settled();
    expect(await stored(service.url, shop)).toMatchObject([{ message: "right" }]);
    expect(
      logs.reports.filter((report) => report.startsWith("A batch of log records cannot be read")),
    ).toHaveLength(4);
  });

  test("drops the one record that PostgreSQL refuses, and stores those beside it", async () => {
    const shop = await logs.worker("shop-d");
    await using service = await logs.serve();
    await logs.publish(shop.workerId, [line(shop, "first")]);
    await logs.settled();
    // What nobody thought of when repairing text: something that PostgreSQL alone knows to be wrong.
    await logs.database.write((transaction) =>
      sql`alter table logs add constraint test_refuses check (message <> 'poison')`.execute(transaction),
    );
    const messages = [...numbers(0, 20), "poison", ...numbers(20, 50), "poison"];
    await logs.publish(
      shop.workerId,
      messages.map((message) => line(shop, message)),
    );
    await logs.publish(shop.workerId, [line(shop, "last")]);
    await logs.settled();
    await logs.database.write((transaction) =>
      sql`alter table logs drop constraint test_refuses`.execute(transaction),
    );
    expect(await stored(service.url, shop)).toMatchObject(
      ["first", ...numbers(0, 50), "last"].map((message) => ({ message })),
    );
    expect(logs.reports.find((report) => report.startsWith("PostgreSQL refused"))).toContain('"dropped":2');
  });

  test("does not store what is older than all that is kept", async () => {
    const shop = await logs.worker("shop-e");
    await using service = await logs.serve();
    const day = 86_400_000;
    await logs.publish(shop.workerId, [
      line(shop, "ancient", { time: Date.now() - 9 * day }),
      line(shop, "old", { time: Date.now() - 6 * day }),
    ]);
    await logs.settled();
    expect(await stored(service.url, shop)).toMatchObject([{ message: "old" }]);
  });

  test("stores a batch once that its publisher sends again after the bus has forgotten its id", async () => {
    const shop = await logs.worker("shop-f");
    await using service = await logs.serve();
    const batch = batchOf([line(shop, "once")]);
    for (const id of ["first", "second"]) {
      await logs.bus.publish(logSubject(shop.workerId), encodeLogBatch(batch), {
        id: `${batch.batchId}-${id}`,
      });
    }
    await logs.settled();
    expect(await stored(service.url, shop)).toMatchObject([{ message: "once" }]);
  });

  test("shares the work with others, and each shows everything", async () => {
    const shop = await logs.worker("shop-g");
    await using one = await logs.serve();
    await using two = await logs.serve();
    await using left = await reader(one.url, shop);
    await using right = await reader(two.url, shop);
    for (const number of numbers(0, 100)) await logs.publish(shop.workerId, [line(shop, number)]);
    await Promise.all([left.until(100), right.until(100)]);
    expect([left.messages, right.messages]).toEqual([numbers(0, 100), numbers(0, 100)]);
    await logs.settled();
    expect(await stored(two.url, shop)).toHaveLength(100);
  });

  test("numbers on when the bus's stream is made anew: readers miss nothing of the new one", async () => {
    await using own = await startTestLogs();
    const shop = await own.worker("shop");
    await using service = await own.serve();
    await using watching = await TestReader.start({
      url: async () => service.url,
      token: () => own.token(),
      workerId: shop.workerId,
      filter: {},
    });
    for (const number of numbers(0, 5)) await own.publish(shop.workerId, [line(shop, number)]);
    await watching.until(5);
    await own.settled();
    const { connect } = await import("@nats-io/transport-node");
    const { jetstreamManager } = await import("@nats-io/jetstream");
    const raw = await connect({ servers: [...own.nats.servers] });
    await (await jetstreamManager(raw)).streams.delete(streams.logs.name);
    await raw.close();
    await own.bus.declare(streams.logs);
    for (const number of numbers(5, 10)) await own.publish(shop.workerId, [line(shop, number)]);
    await watching.until(10);
    expect(watching.messages).toEqual(numbers(0, 10));
    await own.settled();
    await using later = await TestReader.start({
      url: async () => service.url,
      token: () => own.token(),
      workerId: shop.workerId,
      filter: {},
      history: 100,
    });
    await later.until(10);
    expect(later.messages).toEqual(numbers(0, 10));
  });

  test("ends with what it holds stored", async () => {
    const shop = await logs.worker("shop-h");
    const service = await logs.serve();
    await Promise.all(numbers(0, 200).map((number) => logs.publish(shop.workerId, [line(shop, number)])));
    await service[Symbol.asyncDispose]();
    await using next = await logs.serve();
    await logs.settled();
    const messages = (await stored(next.url, shop)).map((record) => record.kind === "line" && record.message);
    expect(messages.toSorted()).toEqual(numbers(0, 200).toSorted());
  });
});

test("positions of requests that nobody made are refused", async () => {
  await using service = await logs.serve();
  const token = await logs.token();
  const shop = await logs.worker("shop-i");
  const ask = (query: string, headers: Record<string, string> = {}) =>
    fetch(`${service.url}workers/${shop.workerId}/${query}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
  const refused = [
    "logs/query?limit=1001",
    "logs/query?limit=0",
    "logs/query?after=x",
    "logs/query?order=random",
    "logs/query?from=yesterday",
    "logs/query?search=",
    "logs/query?unknown=1",
    "logs?status=9xx",
    "logs?history=10001",
    `logs?requestId=${"a".repeat(36)}`,
    "logs/query?after=99999999999999999.0",
    "stats?step=61",
    "stats?from=0",
    "stats?from=5&to=4",
  ];
  for (const query of refused) {
    const answer = await ask(query);
    expect({ query, status: answer.status, body: await answer.json() }).toMatchObject({
      query,
      status: 400,
      body: { error: { code: "INVALID_INPUT" } },
    });
  }
  expect((await ask("logs", { "last-event-id": "nonsense" })).status).toBe(400);
  // One that is well formed, and beyond the end, is told in the stream: it has begun by then.
  const beyond = await ask("logs", { "last-event-id": "9007199254740991.0" });
  expect(await beyond.text()).toContain("event: end\ndata: failed");
});
