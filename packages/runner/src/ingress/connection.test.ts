import { expect, test } from "bun:test";
import { RawClient } from "./testing/raw-client.ts";
import { startRig, TestDispatcher } from "./testing/rig.ts";
import { ScriptedCell } from "./testing/scripted-cell.ts";

const host = "Host: hello.localhost\r\n";
const get = `GET / HTTP/1.1\r\n${host}\r\n`;
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const silent = () => new ScriptedCell((received) => received.includes("\r\n\r\n"));

test("a head that trickles in is given up on, however lively the trickle", async () => {
  using cell = silent();
  await using rig = startRig(new TestDispatcher(cell.socketPath), { timeouts: { headMs: 200 } });
  using client = await RawClient.connect(rig.ingress.port);
  client.send("GET / HTTP/1.1\r\n");
  const trickle = setInterval(() => client.send("X-A: b\r\n"), 20);
  try {
    expect((await client.response()).status).toBe(408);
    await client.untilClosed();
  } finally {
    clearInterval(trickle);
  }
  expect(cell.connections).toBe(0);
});

test("a client that says nothing is closed", async () => {
  await using rig = startRig(new TestDispatcher(""), { timeouts: { headMs: 100 } });
  using client = await RawClient.connect(rig.ingress.port);
  await client.untilClosed();
  expect(client.text).toBe("");
});

test("a connection without a next request is closed", async () => {
  using cell = ScriptedCell.answering(ok);
  await using rig = startRig(new TestDispatcher(cell.socketPath), { timeouts: { idleMs: 100 } });
  using client = await RawClient.connect(rig.ingress.port);
  expect((await client.send(get).response()).status).toBe(200);
  await client.untilClosed();
});

test("a body that stops coming is given up on", async () => {
  using cell = silent();
  await using rig = startRig(new TestDispatcher(cell.socketPath), { timeouts: { bodyMs: 100 } });
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST / HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nhello`);
  expect((await client.response()).status).toBe(408);
  await client.untilClosed();
  expect(rig.dispatcher.settled).toBe(true);
});

test("a body that comes in sips is given up on, though each comes in time", async () => {
  using cell = silent();
  await using rig = startRig(new TestDispatcher(cell.socketPath), { timeouts: { bodyMs: 200 } });
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST / HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`);
  const sips = setInterval(() => client.send("x"), 20);
  try {
    expect((await client.response()).status).toBe(408);
  } finally {
    clearInterval(sips);
  }
});

test("a client that sends slowly is not the worker's fault", async () => {
  using cell = silent();
  const limits = { firstByteMs: 100 };
  await using rig = startRig(new TestDispatcher(cell.socketPath), { limits, timeouts: { bodyMs: 400 } });
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST / HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\n`);
  expect((await client.response()).status).toBe(408);
  using other = await RawClient.connect(rig.ingress.port);
  other.send(`POST / HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nx`);
  expect((await other.response()).status).toBe(504);
});

test("a slow reader gets the end of a response on a connection that is being closed", async () => {
  const length = 2 * 2 ** 20;
  using cell = ScriptedCell.answering(
    `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${"a".repeat(100_000)}`,
  );
  cell.more = Buffer.alloc(length - 100_000, 97);
  await using rig = startRig(new TestDispatcher(cell.socketPath), { timeouts: { lingerMs: 1 } });
  using client = await RawClient.connect(rig.ingress.port);
  client.pause();
  client.send(`GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
  await rig.logs.record(0);
  while (rig.ingress.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  client.resume();
  await client.untilClosed();
  expect(client.text.length - client.text.indexOf("\r\n\r\n") - 4).toBe(length);
});

test("a fault of our own ends one connection, is reported, and leaves the others alone", async () => {
  using cell = ScriptedCell.answering(ok);
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  const { acquire } = rig.dispatcher;
  rig.dispatcher.acquire = () => {
    throw new Error("a bug");
  };
  using unlucky = await RawClient.connect(rig.ingress.port);
  unlucky.send(get);
  await unlucky.untilClosed();
  expect(rig.reports).toEqual([
    { message: "A client's connection failed.", details: { error: new Error("a bug") } },
  ]);
  rig.dispatcher.acquire = acquire;
  using lucky = await RawClient.connect(rig.ingress.port);
  expect((await lucky.send(get).response()).status).toBe(200);
});

test("a client that never closes its side is cut off after its refusal", async () => {
  await using rig = startRig(new TestDispatcher(""), { timeouts: { lingerMs: 50 } });
  using client = await RawClient.connect(rig.ingress.port);
  client.send("nonsense\r\n\r\n");
  const flood = setInterval(() => client.send("x".repeat(1000)), 5);
  try {
    await client.untilClosed();
  } finally {
    clearInterval(flood);
  }
});

test("a head may come a byte at a time", async () => {
  using cell = ScriptedCell.answering(ok);
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using client = await RawClient.connect(rig.ingress.port);
  for (const byte of get) {
    client.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await client.response()).body).toBe("ok");
});

test("empty lines before a request are read past", async () => {
  using cell = ScriptedCell.answering(ok);
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using client = await RawClient.connect(rig.ingress.port);
  expect((await client.send(`\r\n\r\n${get}`).response()).status).toBe(200);
  expect((await client.send(`\r\n`).send(get).response()).status).toBe(200);
});

test("connections beyond the limit are told to come back later", async () => {
  using cell = ScriptedCell.answering(ok);
  await using rig = startRig(new TestDispatcher(cell.socketPath), { maxConnections: 2 });
  using first = await RawClient.connect(rig.ingress.port);
  using second = await RawClient.connect(rig.ingress.port);
  expect((await first.send(get).response()).status).toBe(200);
  expect((await second.send(get).response()).status).toBe(200);
  using third = await RawClient.connect(rig.ingress.port);
  const refused = await third.response();
  expect([refused.status, refused.all("retry-after")]).toEqual([503, ["1"]]);
  await third.untilClosed();
  expect((await first.send(get).response()).status).toBe(200);
});

test("draining finishes what is under way, closes what is idle, and takes nothing new", async () => {
  let finish: (() => void) | undefined;
  using cell = new ScriptedCell((received, connection) => {
    if (received.includes("/idle")) connection.write(ok);
    else finish = () => connection.write(ok);
    return true;
  });
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using idle = await RawClient.connect(rig.ingress.port);
  await idle.send(`GET /idle HTTP/1.1\r\n${host}\r\n`).response();
  using busy = await RawClient.connect(rig.ingress.port);
  busy.send(get);
  await cell.until(() => finish !== undefined);
  const drained = rig.ingress.drain({ signal: new AbortController().signal });
  await idle.untilClosed();
  expect(RawClient.connect(rig.ingress.port)).rejects.toThrow();
  finish?.();
  expect((await busy.response()).body).toBe("ok");
  await drained;
  expect([rig.ingress.connections, rig.dispatcher.settled]).toEqual([0, true]);
});

test("draining has an end even when a response has none", async () => {
  using cell = silent();
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using busy = await RawClient.connect(rig.ingress.port);
  busy.send(get);
  await cell.until(() => cell.requests.length === 1);
  const patience = new AbortController();
  const drained = rig.ingress.drain({ signal: patience.signal });
  patience.abort();
  await drained;
  expect((await rig.logs.record(0)).outcome).toBe("canceled");
});

test("a port that is taken is said to be taken", async () => {
  await using rig = startRig(new TestDispatcher(""));
  const again = () => startRig(new TestDispatcher(""), { port: rig.ingress.port });
  expect(again).toThrow(expect.objectContaining({ code: "PORT_IN_USE" }));
});
