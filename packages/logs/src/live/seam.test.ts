import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { streams } from "@openworkers/core";
import { readEvents } from "../client/events.ts";
import { askLogs, logsUrl } from "../client/request.ts";
import { startTestLogs, type TestLogs } from "../testing/platform.ts";
import { TestReader } from "../testing/reading.ts";
import { line } from "../testing/records.ts";

let logs: TestLogs;
beforeAll(async () => {
  logs = await startTestLogs();
});
afterAll(() => logs[Symbol.asyncDispose]());

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));

test("a hundred reconnections while lines flow, to two services in turn, leave no gap and no duplicate", async () => {
  const shop = await logs.worker("seam");
  await using one = await logs.serve();
  await using two = await logs.serve();
  const token = await logs.token();
  const count = 4_000;
  let published = 0;
  const publishing = (async () => {
    while (published < count) {
      // Batches of all sizes, so that connections break within and between them.
      const size = Math.min(1 + (published % 17), count - published);
      const messages = Array.from({ length: size }, (_, index) => String(published + index));
      await logs.publish(
        shop.workerId,
        messages.map((message) => line(shop, message)),
      );
      published += size;
    }
  })();
  const seen: string[] = [];
  let last: string | undefined;
  let connections = 0;
  while (seen.length < count) {
    const stop = new AbortController();
    connections += 1;
    const url = connections % 2 === 0 ? one.url : two.url;
    const search = new URLSearchParams(last === undefined ? { since: "0" } : {});
    const response = await askLogs(logsUrl(url, `workers/${shop.workerId}/logs`, search), {
      token,
      signal: stop.signal,
      ...(last === undefined ? {} : { lastEventId: last }),
    });
    let taken = 0;
    // The rest at once when there were enough breaks.
    const most = connections > 100 ? count : 1 + ((connections * 7) % 41);
    if (response.body === null) throw new Error("no stream");
    for await (const { id, data } of readEvents(response.body)) {
      if (data !== undefined) {
        seen.push(JSON.parse(data).message);
        taken += 1;
      }
      last = id ?? last;
      if (taken === most || seen.length === count) break;
    }
    stop.abort();
  }
  await publishing;
  expect(seen).toEqual(numbers(count));
  expect(connections).toBeGreaterThanOrEqual(100);
}, 60_000);

test("history and live lines meet while both are under way", async () => {
  const shop = await logs.worker("meeting");
  await using service = await logs.serve();
  const count = 1_500;
  const publishing = (async () => {
    for (const number of numbers(count)) await logs.publish(shop.workerId, [line(shop, number)]);
  })();
  const readers = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      await Bun.sleep(index * 20);
      return TestReader.start({
        url: async () => service.url,
        token: () => logs.token(),
        workerId: shop.workerId,
        filter: {},
        since: 0,
      });
    }),
  );
  await publishing;
  for (const reader of readers) {
    await reader.until(count);
    expect(reader.messages).toEqual(numbers(count));
    await reader[Symbol.asyncDispose]();
  }
}, 60_000);

test("live lines do not wait for PostgreSQL", async () => {
  const shop = await logs.worker("impatient");
  await using service = await logs.serve();
  const reader = await TestReader.start({
    url: async () => service.url,
    token: () => logs.token(),
    workerId: shop.workerId,
    filter: {},
  });
  const held = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const lock = logs.database.write(async (transaction) => {
    const { sql } = await import("kysely");
    await sql`lock table logs in access exclusive mode`.execute(transaction);
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  await logs.publish(
    shop.workerId,
    numbers(50).map((number) => line(shop, number)),
  );
  await reader.until(50);
  const before = await logs.bus.consumerState(streams.logs.name, "logs-writer");
  held.resolve();
  await lock;
  await logs.settled();
  const after = await logs.bus.consumerState(streams.logs.name, "logs-writer");
  expect(after?.floor).toBeGreaterThan(before?.floor ?? 0);
  expect(reader.messages).toEqual(numbers(50));
  await reader[Symbol.asyncDispose]();
}, 60_000);

test("a client that does not read is let go with a word, and the others go on", async () => {
  const shop = await logs.worker("slow");
  await using service = await logs.serve();
  const token = await logs.token();
  const { port } = new URL(service.url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.pause();
  socket.write(
    `GET /workers/${shop.workerId}/logs HTTP/1.1\r\nhost: logs\r\nauthorization: Bearer ${token}\r\n\r\n`,
  );
  await using good = await TestReader.start({
    url: async () => service.url,
    token: async () => token,
    workerId: shop.workerId,
    filter: {},
  });
  while (service.clients < 2) await Bun.sleep(5);
  const text = "x".repeat(10_000);
  let sent = 0;
  while (service.clients > 1) {
    await logs.publish(
      shop.workerId,
      Array.from({ length: 20 }, () => line(shop, text)),
    );
    sent += 20;
    await good.until(sent);
    // Far beyond the client's own bound and the socket's buffers: it has been kept far too long.
    if (sent > 20_000) throw new Error("the slow client was never let go");
  }
  await logs.publish(shop.workerId, [line(shop, "still here")]);
  await good.until(sent + 1);
  expect(good.messages.at(-1)).toBe("still here");
  // What it was sent is there for it to read, and ends with why.
  let tail = "";
  const ended = Promise.withResolvers<void>();
  socket.on("data", (chunk) => {
    tail = (tail + chunk.toString()).slice(-200);
    if (tail.includes("event: end\ndata: slow")) ended.resolve();
  });
  socket.on("close", () => ended.reject(new Error(`closed after: ${tail}`)));
  socket.resume();
  await ended.promise;
  socket.destroy();
}, 60_000);

test("one worker's flood does not delay another's live lines", async () => {
  const [loud, quiet] = [await logs.worker("loud"), await logs.worker("quiet")];
  await using service = await logs.serve();
  await using reader = await TestReader.start({
    url: async () => service.url,
    token: () => logs.token(),
    workerId: quiet.workerId,
    filter: {},
  });
  const flooding = new AbortController();
  let flood = 0;
  const flooders = Array.from({ length: 4 }, async () => {
    while (!flooding.signal.aborted) {
      await logs.publish(
        loud.workerId,
        Array.from({ length: 500 }, () => line(loud, "noise ".repeat(10))),
      );
      flood += 500;
    }
  });
  const behind: number[] = [];
  for (const number of numbers(20)) {
    const before = flood;
    await logs.publish(quiet.workerId, [line(quiet, number)]);
    await reader.until(Number(number) + 1);
    behind.push(flood - before);
  }
  flooding.abort();
  await Promise.all(flooders);
  expect(reader.messages).toEqual(numbers(20));
  // Lines of the flood that went by meanwhile: a reader in line behind the flood would see all of it first.
  expect(behind.toSorted((a, b) => a - b)[10]).toBeLessThan(flood / 2);
  await logs.settled();
}, 60_000);
