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
