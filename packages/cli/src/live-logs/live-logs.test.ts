import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import {
  type InvocationRecord,
  isOpenWorkersError,
  type LogLine,
  type LogRecord,
  newId,
} from "@openworkers/core";
import { testFolder } from "../testing/files.ts";
import { isAnswering, readLiveLogs } from "./client.ts";
import { LogFanOut } from "./fan-out.ts";
import { type LogFilter, matchesFilter } from "./filter.ts";
import { formatRecord } from "./format.ts";
import { serveLiveLogs } from "./server.ts";

const base = {
  time: 0,
  workerId: newId<"worker">(),
  worker: "shop",
  versionId: newId<"version">(),
  version: 3,
};

function line(message: string, extra: Partial<LogLine> = {}): LogLine {
  return { ...base, kind: "line", level: "log", message, ...extra };
}

function invocation(extra: Partial<InvocationRecord> = {}): InvocationRecord {
  return {
    ...base,
    kind: "invocation",
    requestId: newId<"request">(),
    trigger: "fetch",
    method: "GET",
    host: "shop.localhost",
    path: "/a",
    status: 200,
    outcome: "ok",
    wallMs: 3,
    cpuMs: 0.2,
    coldStart: false,
    ...extra,
  };
}

async function served() {
  const folder = await testFolder();
  const socket = join(folder.path, "private/logs.sock");
  const logs = new LogFanOut();
  const server = serveLiveLogs(socket, logs);
  return {
    socket,
    logs,
    async [Symbol.asyncDispose]() {
      logs[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Starts reading; resolves once connected, with the rest of the stream. */
async function reader(
  socket: string,
  filter: LogFilter,
  signal: AbortSignal,
): Promise<AsyncGenerator<LogRecord>> {
  const connected = Promise.withResolvers<void>();
  const records = readLiveLogs(socket, { filter, signal, onConnected: connected.resolve });
  const first = records.next();
  await Promise.race([connected.promise, first]);
  return (async function* () {
    const { value, done } = await first;
    if (done) return;
    yield value;
    yield* records;
  })();
}

describe("live logs", () => {
  test("bring each reader the records that fit its filter, in order", async () => {
    await using platform = await served();
    const stop = new AbortController();
    const all = await reader(platform.socket, {}, stop.signal);
    const errors = await reader(platform.socket, { level: "error" }, stop.signal);
    platform.logs.emit(line("one\n\ntwo"));
    platform.logs.emit(line("three", { level: "error" }));
    expect([await all.next(), await all.next()].map(({ value }) => value.message)).toEqual([
      "one\n\ntwo",
      "three",
    ]);
    expect((await errors.next()).value.message).toBe("three");
    stop.abort();
    expect((await all.next()).done).toBe(true);
  });

  test("are on a socket in a folder that only its owner can open", async () => {
    await using platform = await served();
    expect(statSync(platform.socket).mode & 0o777).toBe(0o600);
    expect(statSync(join(platform.socket, "..")).mode & 0o777).toBe(0o700);
  });

  test("forget a reader that has left", async () => {
    await using platform = await served();
    const stop = new AbortController();
    const records = await reader(platform.socket, {}, stop.signal);
    expect(platform.logs.readers).toBe(1);
    stop.abort();
    await records.next();
    while (platform.logs.readers > 0) await new Promise(setImmediate);
  });

  test("let go of a reader that does not read, and go on for the others", async () => {
    await using platform = await served();
    const stop = new AbortController();
    const slow = connect(platform.socket);
    slow.pause();
    slow.write("GET /logs HTTP/1.1\r\nhost: openworkers\r\n\r\n");
    const good = await reader(platform.socket, {}, stop.signal);
    while (platform.logs.readers < 2) await new Promise(setImmediate);
    const text = "x".repeat(10_000);
    let read = 0;
    while (platform.logs.readers > 1) {
      platform.logs.emit(line(text));
      await good.next();
      read += 1;
      // Far beyond the reader's own bound and the socket's buffers: the slow one has been kept far too long.
      if (read > 20_000) throw new Error("the slow reader was never let go");
    }
    platform.logs.emit(line("still here"));
    expect((await good.next()).value.message).toBe("still here");
    slow.destroy();
    stop.abort();
  });

  test("say that the platform has stopped", async () => {
    const platform = await served();
    const records = await reader(platform.socket, {}, new AbortController().signal);
    const rest = records.next().then(
      () => "a record",
      (thrown: unknown) => isOpenWorkersError(thrown, "NOT_FOUND"),
    );
    platform.logs[Symbol.dispose]();
    expect(await rest).toBe(true);
    await platform[Symbol.asyncDispose]();
    expect(await isAnswering(platform.socket)).toBe(false);
  });
});

const filters: { filter: LogFilter; record: LogRecord; fits: boolean }[] = [
  { filter: { worker: "shop" }, record: line("a"), fits: true },
  { filter: { worker: "other" }, record: line("a"), fits: false },
  { filter: { level: "info" }, record: line("a"), fits: true },
  { filter: { level: "warn" }, record: line("a"), fits: false },
  { filter: { level: "error" }, record: invocation({ outcome: "cpu-limit", status: 503 }), fits: true },
  { filter: { level: "error" }, record: invocation(), fits: false },
  { filter: { search: "BANG" }, record: line("a big bang"), fits: true },
  { filter: { search: "/b" }, record: invocation({ path: "/a/b" }), fits: true },
  { filter: { status: "5xx" }, record: invocation({ status: 503 }), fits: true },
  { filter: { status: "200" }, record: invocation({ status: 201 }), fits: false },
  { filter: { outcome: "exception" }, record: line("exception"), fits: false },
];

for (const { filter, record, fits } of filters) {
  test(`the filter ${JSON.stringify(filter)} ${fits ? "takes" : "leaves"} ${record.kind} records like this`, () => {
    expect(matchesFilter(filter, record)).toBe(fits);
  });
}

test("a worker cannot send escape sequences to the reader's terminal", () => {
  const text = formatRecord(line("a\u001b]0;owned\u0007b\u009b2J\r"), { showWorker: false });
  expect(text.endsWith("a\\x1b]0;owned\\x07b\\x9b2J\\x0d")).toBe(true);
  const reversed = formatRecord(line("paid \u202enot\u2069"), { showWorker: false });
  expect(reversed.endsWith("paid \\u202enot\\u2069")).toBe(true);
  const colourful = formatRecord(line("GET \u001b[1;31m500\u001b[0m \u001b[2Kx \u0007[0m"), {
    showWorker: false,
  });
  expect(colourful.endsWith("GET 500 \\x1b[2Kx \\x07[0m")).toBe(true);
});
