import { afterAll, beforeAll, expect, test } from "bun:test";
import { type PlainCell, startPlainCell } from "./testing/plain-cell.ts";
import { RawClient } from "./testing/raw-client.ts";
import { type Rig, startRig, TestDispatcher } from "./testing/rig.ts";
import { ScriptedCell } from "./testing/scripted-cell.ts";

let cell: PlainCell;
let rig: Rig;
beforeAll(async () => {
  cell = await startPlainCell(await Bun.file(new URL("testing/worker.js", import.meta.url)).text());
  rig = startRig(new TestDispatcher(cell.socketPath));
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await cell[Symbol.asyncDispose]();
});

function open(path = "/socket", protocols: string[] = []): WebSocket {
  const options = { headers: { Host: "hello.localhost" }, protocols };
  return new WebSocket(`ws://127.0.0.1:${rig.ingress.port}${path}`, options);
}

function next(socket: WebSocket, kind: "open" | "message" | "close"): Promise<Event> {
  return new Promise((resolve, reject) => {
    socket.addEventListener(kind, resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("The WebSocket failed.")), { once: true });
  });
}

async function message(socket: WebSocket): Promise<unknown> {
  const event = await next(socket, "message");
  return event instanceof MessageEvent ? event.data : undefined;
}

test("text and binary messages of all sizes go both ways whole", async () => {
  const socket = open();
  socket.binaryType = "arraybuffer";
  await next(socket, "open");
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 900_000]) {
    const text = "ä".repeat(size / 2);
    const echoed = message(socket);
    socket.send(text);
    expect(await echoed).toBe(text);
    const bytes = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
    const back = message(socket);
    socket.send(bytes);
    expect(new Uint8Array((await back) as ArrayBuffer)).toEqual(bytes);
  }
  const closed = next(socket, "close");
  socket.close();
  await closed;
});

test("subprotocol, close code and reason are the worker's, and the record is written at the end", async () => {
  const count = rig.logs.records.length;
  const socket = open("/socket", ["chat", "other"]);
  await next(socket, "open");
  expect(socket.protocol).toBe("chat");
  expect(rig.logs.records).toHaveLength(count);
  const closed = next(socket, "close");
  socket.send("close");
  expect(await closed).toMatchObject({ code: 4001, reason: "as asked" });
  const record = await rig.logs.record(count);
  expect([record.status, record.outcome]).toEqual([101, "ok"]);
});

test("the worker hears that a client has left", async () => {
  const closedCount = async () => {
    const response = await fetch(`http://127.0.0.1:${rig.ingress.port}/seen`, {
      headers: { Host: "hello.localhost" },
    });
    return ((await response.json()) as { closed: number }).closed;
  };
  const before = await closedCount();
  const socket = open();
  await next(socket, "open");
  socket.terminate();
  while ((await closedCount()) === before);
});

test("a worker that refuses is heard with its own status and body", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(
    "GET /socket?refuse HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const refused = await client.response();
  expect([refused.status, refused.body]).toEqual([403, "not today"]);
});

test("fragments, pings and bytes sent before the handshake's answer reach the worker", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  const mask = [0, 0, 0, 0];
  client.send(
    Buffer.concat([
      Buffer.from(
        "GET /socket HTTP/1.1\r\nHost: hello.localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ),
      Buffer.from([0x01, 0x82, ...mask, 0x68, 0x65]),
      Buffer.from([0x89, 0x81, ...mask, 0x70]),
      Buffer.from([0x80, 0x83, ...mask, 0x6c, 0x6c, 0x6f]),
    ]),
  );
  const head = await client.response(false);
  expect([head.status, head.all("sec-websocket-accept")]).toEqual([101, ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]]);
  await client.until(() => client.text.includes("\x8a\x01p") && client.text.includes("\x81\x05hello"));
});

test("a worker that does not read holds its client back", async () => {
  using deaf = new ScriptedCell((received, connection) => {
    if (received.startsWith("GET")) {
      connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      );
    }
    return true;
  });
  await using behind = startRig(new TestDispatcher(deaf.socketPath));
  using client = await RawClient.connect(behind.ingress.port);
  client.send("GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await client.response(false);
  deaf.pause();
  client.send(Buffer.alloc(64 * 2 ** 20));
  for (let last = -1, turns = 0; turns < 50; ) {
    turns = client.bytesSent === last ? turns + 1 : 0;
    last = client.bytesSent;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(client.bytesSent).toBeLessThan(16 * 2 ** 20);
  deaf.resume();
  await client.until(() => client.unsent === 0);
});

test("a cell that is killed closes its clients' WebSockets", async () => {
  await using doomed = await startPlainCell(
    await Bun.file(new URL("testing/worker.js", import.meta.url)).text(),
  );
  await using behind = startRig(new TestDispatcher(doomed.socketPath));
  const socket = new WebSocket(`ws://127.0.0.1:${behind.ingress.port}/socket`, {
    headers: { Host: "hello.localhost" },
  });
  await next(socket, "open");
  const closed = new Promise<CloseEvent>((resolve) =>
    socket.addEventListener("close", resolve, { once: true }),
  );
  doomed.kill();
  behind.dispatcher.leases[0]?.judge({ reason: "memory-limit", culprit: true });
  expect((await closed).code).toBe(1006);
  expect((await behind.logs.record(0)).outcome).toBe("memory-limit");
  expect(behind.dispatcher.settled).toBe(true);
});
