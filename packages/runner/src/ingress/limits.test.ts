import { expect, test } from "bun:test";
import { OpenWorkersError } from "@openworkers/core";
import { RawClient } from "./testing/raw-client.ts";
import { type RigOptions, startRig, TestDispatcher } from "./testing/rig.ts";
import { ScriptedCell } from "./testing/scripted-cell.ts";

const host = "Host: hello.localhost\r\n";
const get = `GET / HTTP/1.1\r\n${host}\r\n`;
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const silent = () => new ScriptedCell((received) => received.includes("\r\n\r\n"));

function rigOf(options: RigOptions, ...cells: ScriptedCell[]) {
  return startRig(new TestDispatcher(...cells.map((cell) => cell.socketPath)), options);
}

test("a body longer than the limit is refused before it is sent", async () => {
  using cell = silent();
  await using rig = rigOf({ limits: { bodyBytes: 10 } }, cell);
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST / HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 11\r\n\r\n`);
  expect((await client.response()).status).toBe(413);
  await client.untilClosed();
  expect([cell.connections, rig.dispatcher.leases.length]).toEqual([0, 0]);
});

test("a chunked body is refused as soon as it exceeds the limit, and the cell's connection is closed", async () => {
  using cell = silent();
  await using rig = rigOf({ limits: { bodyBytes: 10 } }, cell);
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n`);
  await cell.until(() => cell.requests.length > 0);
  client.send("1\r\nx\r\n");
  expect((await client.response()).status).toBe(413);
  await client.untilClosed();
  await cell.until(() => cell.closed === 1);
  expect((await rig.logs.record(0)).status).toBe(413);
  expect(rig.dispatcher.settled).toBe(true);
});

test("a body of exactly the limit is taken", async () => {
  using cell = new ScriptedCell((received, connection) => {
    if (!received.endsWith("0\r\n\r\n")) return false;
    connection.write(ok);
    return true;
  });
  await using rig = rigOf({ limits: { bodyBytes: 10 } }, cell);
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n`);
  expect((await client.response()).status).toBe(200);
});

test.each(["g\r\n", "1\r\nabc\r\n", "1\nx\r\n", "0\r\nbad\r\n\r\n"])(
  "a chunked body with %j in it is refused and cut off from the cell",
  async (bad) => {
    using cell = silent();
    await using rig = rigOf({}, cell);
    using client = await RawClient.connect(rig.ingress.port);
    client.send(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${bad}`);
    expect((await client.response()).status).toBe(400);
    await client.untilClosed();
    expect(cell.requests.join("")).not.toContain("0\r\n\r\n");
    expect(rig.dispatcher.settled).toBe(true);
  },
);

test("a worker that does not begin to answer in time is 504, and its connection is closed", async () => {
  using cell = silent();
  await using rig = rigOf({ limits: { firstByteMs: 100 } }, cell);
  using client = await RawClient.connect(rig.ingress.port);
  const answer = await client.send(get).response();
  expect([answer.status, answer.all("x-termination-reason")]).toEqual([504, ["wall-limit"]]);
  await cell.until(() => cell.closed === 1);
  expect((await rig.logs.record(0)).outcome).toBe("wall-limit");
  expect(rig.dispatcher.settled).toBe(true);
});

test("a response that began in time may take as long as it likes", async () => {
  let finish: (() => void) | undefined;
  using cell = new ScriptedCell((_received, connection) => {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    finish = () => connection.write("k");
    return true;
  });
  using stuck = silent();
  await using rig = rigOf({ limits: { firstByteMs: 100 } }, cell, stuck);
  using slow = await RawClient.connect(rig.ingress.port);
  slow.send(get);
  await slow.untilText("\r\n\r\no");
  // The limit has passed for sure when a request that came later has been stopped by it.
  using other = await RawClient.connect(rig.ingress.port);
  expect((await other.send(get).response()).status).toBe(504);
  finish?.();
  expect((await slow.response()).body).toBe("ok");
});

test.each([
  ["cpu-limit", 503],
  ["memory-limit", 503],
  ["crashed", 503],
] as const)("the culprit of a cell ended by %s is told so", async (reason, status) => {
  using cell = silent();
  await using rig = rigOf({}, cell);
  using client = await RawClient.connect(rig.ingress.port);
  client.send(get);
  await cell.until(() => cell.requests.length === 1);
  cell.kill();
  rig.dispatcher.leases[0]?.judge({ reason, culprit: true });
  const answer = await client.response();
  expect([answer.status, answer.all("x-termination-reason")]).toEqual([status, [reason]]);
  const record = await rig.logs.record(0);
  expect([record.outcome, record.status]).toEqual([reason, status]);
  expect(rig.dispatcher.leases).toHaveLength(1);
  expect(rig.dispatcher.settled).toBe(true);
});

test.each(["GET", "HEAD"])(
  "an innocent %s is answered by a fresh cell, and nobody notices",
  async (method) => {
    using first = silent();
    using second = ScriptedCell.answering(ok);
    await using rig = rigOf({}, first, second);
    using client = await RawClient.connect(rig.ingress.port);
    client.send(`${method} / HTTP/1.1\r\n${host}\r\n`);
    await first.until(() => first.requests.length === 1);
    first.kill();
    rig.dispatcher.leases[0]?.judge({ reason: "cpu-limit", culprit: false });
    expect((await client.response(false)).status).toBe(200);
    expect((await rig.logs.record(0)).outcome).toBe("ok");
    expect(rig.dispatcher.leases).toHaveLength(2);
    expect(rig.dispatcher.settled).toBe(true);
  },
);

test("an innocent request is retried once, not for ever", async () => {
  using first = silent();
  using second = silent();
  await using rig = rigOf({}, first, second);
  using client = await RawClient.connect(rig.ingress.port);
  client.send(get);
  for (const [index, cell] of [first, second].entries()) {
    await cell.until(() => cell.requests.length === 1);
    cell.kill();
    rig.dispatcher.leases[index]?.judge({ reason: "cpu-limit", culprit: false });
  }
  const answer = await client.response();
  expect([answer.status, answer.all("x-termination-reason")]).toEqual([503, ["crashed"]]);
  expect(rig.dispatcher.leases).toHaveLength(2);
});

test("an innocent POST is not sent twice", async () => {
  using first = silent();
  using second = ScriptedCell.answering(ok);
  await using rig = rigOf({}, first, second);
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST / HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nhi`);
  await first.until(() => first.requests.length === 1);
  first.kill();
  rig.dispatcher.leases[0]?.judge({ reason: "cpu-limit", culprit: false });
  expect((await client.response()).status).toBe(503);
  expect(second.connections).toBe(0);
});

test.each([
  ["with a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npartial"],
  ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\npartial\r\n"],
])("a cell that dies in the middle of a body %s cuts the connection", async (_name, part) => {
  using cell = new ScriptedCell((_received, connection) => {
    connection.write(part);
    return true;
  });
  await using rig = rigOf({}, cell);
  using client = await RawClient.connect(rig.ingress.port);
  client.send(get);
  await client.untilText("partial");
  cell.kill();
  rig.dispatcher.leases[0]?.judge({ reason: "memory-limit", culprit: true });
  await client.untilClosed();
  expect(client.reset).toBe(true);
  expect(client.text).toEndWith(part.slice(part.indexOf("\r\n\r\n") + 4));
  const record = await rig.logs.record(0);
  expect([record.outcome, record.status]).toEqual(["memory-limit", 200]);
});

test("an HTTP/1.0 client, which has nothing but the end of the connection, is reset when its response is cut", async () => {
  using cell = new ScriptedCell((_received, connection) => {
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\npartial\r\n");
    return true;
  });
  await using rig = rigOf({}, cell);
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`GET / HTTP/1.0\r\n${host}\r\n`);
  await client.untilText("partial");
  cell.kill();
  rig.dispatcher.leases[0]?.judge({ reason: "crashed", culprit: true });
  await client.untilClosed();
  expect(client.reset).toBe(true);
});

test("a connection that the cell closed for idleness is replaced without the client noticing", async () => {
  let cut = false;
  using cell = new ScriptedCell((received, connection) => {
    if (!received.includes("\r\n\r\n")) return false;
    if (cut) {
      cut = false;
      connection.cut();
    } else connection.write(ok);
    return true;
  });
  await using rig = rigOf({}, cell);
  using client = await RawClient.connect(rig.ingress.port);
  await client.send(get).response();
  cut = true;
  expect((await client.send(get).response()).status).toBe(200);
  expect(rig.dispatcher.leases).toHaveLength(2);
});

test.each([
  ["OVERLOADED", new OpenWorkersError("OVERLOADED", "x"), 503, "overloaded", "1"],
  [
    "CRASH_LOOP",
    new OpenWorkersError("CRASH_LOOP", "x", { details: { retryAfterMs: 4_200 } }),
    503,
    "crashed",
    "5",
  ],
  ["START_FAILED", new OpenWorkersError("START_FAILED", "at /secret/path.js"), 500, "exception", undefined],
  [
    "DATABASE_UNAVAILABLE",
    new OpenWorkersError("DATABASE_UNAVAILABLE", "at /secret/path.js"),
    503,
    undefined,
    "1",
  ],
  ["an error nobody foresaw", new Error("at /secret/path.js"), 500, undefined, undefined],
])(
  "%s instead of a cell is told with the right status",
  async (_name, failure, status, reason, retryAfter) => {
    await using rig = rigOf({});
    rig.dispatcher.failure = failure;
    using client = await RawClient.connect(rig.ingress.port);
    const answer = await client.send(get).response();
    expect(answer.status).toBe(status);
    expect(answer.all("x-termination-reason")).toEqual(reason === undefined ? [] : [reason]);
    expect(answer.all("retry-after")).toEqual(retryAfter === undefined ? [] : [retryAfter]);
    expect(answer.body).not.toContain("secret");
    expect((await rig.logs.record(0)).status).toBe(status);
  },
);

test("a worker's exception is a page without its stack, and a worker without fetch is 501", async () => {
  const mark = (status: number, value: string) =>
    ScriptedCell.answering(
      `HTTP/1.1 ${status} X\r\nX-Ow-Exception: ${value}\r\nContent-Length: 7\r\n\r\n/secret`,
    );
  using throwing = mark(500, "1");
  using empty = mark(501, "no-fetch");
  await using rig = rigOf({}, throwing, empty);
  using client = await RawClient.connect(rig.ingress.port);
  const thrown = await client.send(get).response();
  expect([thrown.status, thrown.all("x-termination-reason")]).toEqual([500, ["exception"]]);
  expect(thrown.head + thrown.body).not.toMatch(/secret|x-ow-/i);
  expect((await client.send(get).response()).status).toBe(501);
  expect((await rig.logs.record(1)).outcome).toBe("exception");
});

test("a client that leaves while it waits for a place gives up its wait", async () => {
  await using rig = rigOf({});
  const waiting = Promise.withResolvers<AbortSignal>();
  rig.dispatcher.acquire = (_target, { signal }) => {
    waiting.resolve(signal);
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  using client = await RawClient.connect(rig.ingress.port);
  client.send(get);
  const signal = await waiting.promise;
  client.end();
  const record = await rig.logs.record(0);
  expect([record.outcome, record.status, signal.aborted]).toEqual(["canceled", 499, true]);
});

test("an unknown host is told what to do, as HTML or JSON", async () => {
  await using rig = rigOf({});
  using client = await RawClient.connect(rig.ingress.port);
  const ask = (name: string, accept: string) =>
    client.send(`GET / HTTP/1.1\r\nHost: ${name}\r\nAccept: ${accept}\r\n\r\n`).response();
  const page = await ask("nobody.localhost:1", "text/html,*/*;q=0.8");
  expect([page.status, page.all("content-type")]).toEqual([404, ["text/html; charset=utf-8"]]);
  expect(page.body).toContain("<code>ow deploy --name nobody</code>");
  expect(page.body).not.toContain("<script");
  const json = await ask("nobody.localhost", "*/*");
  expect(JSON.parse(json.body).error.code).toBe("not-found");
  expect((await ask("9--nobody.localhost", "*/*")).body).toContain("no version 9");
  expect((await ask("shop.example", "*/*")).body).toContain("ow domains add WORKER shop.example");
  expect((await ask("127.0.0.1", "*/*")).status).toBe(404);
  expect((await ask("[::1]:80", "*/*")).status).toBe(404);
});

test("a host is known whatever its case, port and trailing dot", async () => {
  using cell = ScriptedCell.answering(ok);
  await using rig = rigOf({}, cell);
  using client = await RawClient.connect(rig.ingress.port);
  for (const name of ["HELLO.localhost", "hello.localhost.", "Hello.LocalHost.:8787"]) {
    expect((await client.send(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`).response()).status).toBe(200);
  }
});
