import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type PlainCell, startPlainCell } from "./testing/plain-cell.ts";
import { RawClient } from "./testing/raw-client.ts";
import { startRig, TestDispatcher } from "./testing/rig.ts";
import { ScriptedCell, type ScriptedConnection } from "./testing/scripted-cell.ts";

let cell: PlainCell;
beforeAll(async () => {
  cell = await startPlainCell(await Bun.file(new URL("testing/worker.js", import.meta.url)).text());
});
afterAll(() => cell[Symbol.asyncDispose]());

/** A drain that nothing but the ingress itself brings to its end. */
const unhurried = () => ({ signal: new AbortController().signal });
const host = "Host: hello.localhost\r\n";
const upgrade = `GET / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const goingAway = "\x88\x02\x03\xe9";

describe("a WebSocket", () => {
  test("of a real client and a real worker is closed with 1001, and both hear it", async () => {
    await using rig = startRig(new TestDispatcher(cell.socketPath));
    const seen = async () => {
      await using other = startRig(new TestDispatcher(cell.socketPath));
      const response = await fetch(`http://127.0.0.1:${other.ingress.port}/seen`, {
        headers: { Host: "hello.localhost" },
      });
      return ((await response.json()) as { closed: number }).closed;
    };
    const before = await seen();
    const socket = new WebSocket(`ws://127.0.0.1:${rig.ingress.port}/socket`, {
      headers: { Host: "hello.localhost" },
    });
    const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
    const echoed = new Promise((resolve) => socket.addEventListener("message", resolve));
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    socket.send("x".repeat(70_000));
    await echoed;
    await rig.ingress.drain(unhurried());
    expect(await closed).toMatchObject({ code: 1001 });
    expect((await rig.logs.record(0)).outcome).toBe("ok");
    expect(rig.dispatcher.settled).toBe(true);
    while ((await seen()) === before);
  });

  /** A cell whose frames the test writes, and a client of it. */
  async function tunnel(goingAwayMs: number) {
    let connection: ScriptedConnection | undefined;
    const scripted = new ScriptedCell((_, to) => {
      if (connection === undefined) to.write(switched);
      connection = to;
      return true;
    });
    const rig = startRig(new TestDispatcher(scripted.socketPath), { timeouts: { goingAwayMs } });
    const client = await RawClient.connect(rig.ingress.port);
    client.send(upgrade);
    await client.response(false);
    const write = (text: string) => connection?.write(text);
    return { scripted, rig, client, write };
  }

  test("is closed behind the frame that is half sent, and nothing follows", async () => {
    const { scripted, rig, client, write } = await tunnel(60_000);
    write("\x81\x05he");
    await client.untilText("\x81\x05he");
    const drained = rig.ingress.drain(unhurried());
    write("llo\x81\x01x");
    await client.untilClosed();
    expect(client.text).toBe(`\x81\x05hello${goingAway}`);
    await drained;
    await rig[Symbol.asyncDispose]();
    scripted[Symbol.dispose]();
  });

  test("whose frame does not end is cut", async () => {
    const { scripted, rig, client, write } = await tunnel(50);
    write("\x82\x7ehalf");
    await client.untilText("half");
    await rig.ingress.drain(unhurried());
    await client.untilClosed();
    expect(client.text).not.toContain(goingAway);
    await rig[Symbol.asyncDispose]();
    scripted[Symbol.dispose]();
  });

  test("that opens while the ingress drains is closed at once", async () => {
    let connection: ScriptedConnection | undefined;
    using scripted = new ScriptedCell((_, to) => {
      connection = to;
      return true;
    });
    await using rig = startRig(new TestDispatcher(scripted.socketPath), {
      timeouts: { goingAwayMs: 60_000 },
    });
    using client = await RawClient.connect(rig.ingress.port);
    client.send(upgrade);
    await scripted.until(() => connection !== undefined);
    const drained = rig.ingress.drain(unhurried());
    connection?.write(switched);
    await client.untilClosed();
    expect(client.text).toEndWith(goingAway);
    await drained;
  });

  test("whose client neither reads nor answers is cut", async () => {
    const { scripted, rig, client, write } = await tunnel(50);
    client.pause();
    scripted.more = Buffer.alloc(64 * 2 ** 20);
    write("\x82\x00");
    for (let last = -1, turns = 0; turns < 50; ) {
      turns = scripted.more.length === last ? turns + 1 : 0;
      last = scripted.more.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(scripted.more.length).toBeGreaterThan(0);
    await rig.ingress.drain(unhurried());
    expect(rig.ingress.connections).toBe(0);
    await rig[Symbol.asyncDispose]();
    scripted[Symbol.dispose]();
  });
});

describe("a response", () => {
  test("without an end is cut, so that it cannot be taken for whole", async () => {
    await using rig = startRig(new TestDispatcher(cell.socketPath), { timeouts: { goingAwayMs: 50 } });
    using client = await RawClient.connect(rig.ingress.port);
    client.send(`GET /events HTTP/1.1\r\n${host}\r\n`);
    await client.untilText("data: first");
    await rig.ingress.drain(unhurried());
    await client.untilClosed();
    expect(client.text).not.toContain("0\r\n\r\n");
    expect((await rig.logs.record(0)).outcome).toBe("canceled");
  });

  test("with a known length may finish, however long after", async () => {
    let connection: ScriptedConnection | undefined;
    using scripted = new ScriptedCell((received, to) => {
      if (received.includes("/length")) {
        connection = to;
        to.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbeg");
      } else to.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
      return true;
    });
    await using rig = startRig(new TestDispatcher(scripted.socketPath), { timeouts: { goingAwayMs: 50 } });
    using download = await RawClient.connect(rig.ingress.port);
    using stream = await RawClient.connect(rig.ingress.port);
    download.send(`GET /length HTTP/1.1\r\n${host}\r\n`);
    stream.send(`GET /stream HTTP/1.1\r\n${host}\r\n`);
    await download.untilText("beg");
    await stream.untilText("x\r\n");
    const drained = rig.ingress.drain(unhurried());
    // Cut when its time was over: the same time was the download's.
    await stream.untilClosed();
    connection?.write("end");
    expect((await download.response()).body).toBe("begend");
    await drained;
  });
});
