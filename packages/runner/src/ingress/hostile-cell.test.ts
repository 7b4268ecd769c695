import { expect, test } from "bun:test";
import { EndlessCell } from "./testing/endless-cell.ts";
import { RawClient } from "./testing/raw-client.ts";
import { startRig, TestDispatcher } from "./testing/rig.ts";
import { ScriptedCell } from "./testing/scripted-cell.ts";

const get = "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n";

const malformed: readonly [name: string, response: string][] = [
  ["no HTTP at all", "hello\r\n\r\n"],
  ["HTTP/0.9", "<html>\r\n\r\n"],
  ["another version", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"],
  ["status 600", "HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n"],
  ["a NUL in the reason", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"],
  ["a bare CR in a field", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"],
  ["a bare LF in a field", "HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"],
  ["a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"],
  [
    "a length and chunks",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 10\r\n\r\n"],
  ["a body without an end", "HTTP/1.1 200 OK\r\n\r\nhello"],
  ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
  ["chunks of no size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ["a head of 100 KiB", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(100 * 1024)}\r\n\r\n`],
  ["a switch nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"],
];

for (const [name, response] of malformed) {
  test(`a cell that sends ${name} gets a 503 to its client, and not a byte of its own`, async () => {
    using cell = ScriptedCell.answering(response);
    await using rig = startRig(new TestDispatcher(cell.socketPath));
    rig.dispatcher.onLease = (lease) => lease.judge({ reason: "crashed", culprit: true });
    using client = await RawClient.connect(rig.ingress.port);
    const answer = await client.send(get).response();
    expect([answer.status, answer.all("x-termination-reason")]).toEqual([503, ["crashed"]]);
    expect(answer.all("set-cookie")).toEqual([]);
    expect((await rig.logs.record(0)).outcome).toBe("crashed");
    expect(rig.dispatcher.settled).toBe(true);
  });
}

test("a second response behind the first is never the answer to a later request", async () => {
  const response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";
  using cell = ScriptedCell.answering(`${response}HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled`);
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using client = await RawClient.connect(rig.ingress.port);
  for (let i = 0; i < 3; i++) expect((await client.send(get).response()).body).toBe("first");
  expect(client.text).toBe("");
  // Each on a connection of its own: what had more to say was closed.
  expect(cell.connections).toBe(3);
});

test("a response that comes while nobody waits closes the connection it came on", async () => {
  let later: (() => void) | undefined;
  using cell = new ScriptedCell((received, connection) => {
    if (!received.includes("\r\n\r\n")) return false;
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
    later = () => connection.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled");
    return true;
  });
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using client = await RawClient.connect(rig.ingress.port);
  await client.send(get).response();
  later?.();
  await cell.until(() => cell.closed === 1);
  expect((await client.send(get).response()).body).toBe("first");
  expect(cell.connections).toBe(2);
  // Sooner than it would have been closed for idleness.
}, 2_500);

test("a connection whose request body was not sent to its end carries no other request", async () => {
  using cell = ScriptedCell.answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using half = await RawClient.connect(rig.ingress.port);
  half.send("POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 100\r\n\r\nGET /a");
  expect((await half.response()).body).toBe("early");
  using next = await RawClient.connect(rig.ingress.port);
  expect((await next.send(get).response()).body).toBe("early");
  expect(cell.connections).toBe(2);
  await half.untilClosed();
});

test("an honest cell is used again on the same connection", async () => {
  using cell = ScriptedCell.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using client = await RawClient.connect(rig.ingress.port);
  for (let i = 0; i < 10; i++) await client.send(get).response();
  expect(cell.connections).toBe(1);
});

test("interim responses are read past", async () => {
  using cell = ScriptedCell.answering(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  );
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using client = await RawClient.connect(rig.ingress.port);
  const answer = await client.send(get).response();
  expect([answer.status, answer.body]).toEqual([200, "ok"]);
});

test("a slow reader holds the cell back instead of filling the runner's memory", async () => {
  using cell = new EndlessCell("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n");
  await using rig = startRig(new TestDispatcher(cell.socketPath));
  using client = await RawClient.connect(rig.ingress.port);
  client.send(get);
  await client.untilText("\r\n\r\n");
  client.counting = true;
  client.pause();
  await cell.stuck();
  // What two sockets hold in the kernel (TCP's grow to 4 and 6 MB: tcp_wmem, tcp_rmem), and one read in here.
  expect(cell.accepted).toBeLessThan(16 * 2 ** 20);
  const before = client.bytesReceived;
  client.resume();
  await client.until(() => client.bytesReceived > before + 32 * 2 ** 20);
});

test("a reader that takes nothing for too long is cut off, and the cell with it", async () => {
  using cell = new EndlessCell("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n");
  await using rig = startRig(new TestDispatcher(cell.socketPath), { timeouts: { writeMs: 100 } });
  using client = await RawClient.connect(rig.ingress.port);
  client.send(get);
  await client.untilText("\r\n\r\n");
  client.pause();
  expect((await rig.logs.record(0)).outcome).toBe("canceled");
  expect(rig.dispatcher.settled).toBe(true);
});
