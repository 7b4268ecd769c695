import { afterAll, beforeAll, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { type PlainCell, startPlainCell } from "./testing/plain-cell.ts";
import { RawClient } from "./testing/raw-client.ts";
import { type Rig, startRig, TestDispatcher } from "./testing/rig.ts";

let cell: PlainCell;
let rig: Rig;
beforeAll(async () => {
  cell = await startPlainCell(await Bun.file(new URL("testing/worker.js", import.meta.url)).text());
  rig = startRig(new TestDispatcher(cell.socketPath), { limits: { bodyBytes: 2 * 2 ** 30 } });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await cell[Symbol.asyncDispose]();
});

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: [string, string][];
  readonly body: string;
}

async function exchange(bytes: string, port = rig.ingress.port) {
  using client = await RawClient.connect(port);
  return await client.send(bytes).response(!bytes.startsWith("HEAD"));
}

async function echo(bytes: string, port = rig.ingress.port): Promise<Echo> {
  return JSON.parse((await exchange(bytes, port)).body) as Echo;
}

const host = "Host: hello.localhost:8787\r\n";

test("the worker sees method, URL, repeated headers and body as the client sent them, and nothing invented", async () => {
  const seen = await echo(
    `PROPFIND /a%2Fb//c;d?q=%7b&e=\xc3\xa9 HTTP/1.1\r\n${host}X-Two: 1\r\nx-two: 2\r\nContent-Length: 3\r\nX-Odd: a\xc3\xa9\r\n\r\nabc`,
  );
  expect(seen.method).toBe("PROPFIND");
  expect(seen.url).toBe("http://hello.localhost:8787/a%2Fb//c;d?q=%7b&e=Ã©");
  expect(seen.body).toBe("abc");
  const record = await rig.logs.record(rig.logs.records.length - 1);
  expect(seen.headers).toEqual([
    ["cf-connecting-ip", "127.0.0.1"],
    ["content-length", "3"],
    ["host", "hello.localhost:8787"],
    ["x-forwarded-for", "127.0.0.1"],
    ["x-forwarded-host", "hello.localhost:8787"],
    ["x-forwarded-proto", "http"],
    ["x-odd", "aÃ©"],
    ["x-request-id", record.requestId],
    ["x-two", "1, 2"],
  ]);
});

test("a target in absolute form says where a request goes, and not the Host field", async () => {
  const targets = [
    ["http://Hello.localhost:81/a?b=http://x/", "http://Hello.localhost:81/a?b=http://x/"],
    ["HTTP://hello.localhost", "http://hello.localhost/"],
    ["http://hello.localhost?q=/", "http://hello.localhost/?q=/"],
  ] as const;
  for (const [target, url] of targets) {
    const seen = await echo(`GET ${target} HTTP/1.1\r\nHost: elsewhere.localhost\r\n\r\n`);
    const { host: named } = /\/\/(?<host>[^/]*)/.exec(url)?.groups ?? {};
    expect([seen.url, new Map(seen.headers).get("host")]).toEqual([url, named ?? ""]);
    expect(new Map(seen.headers).get("x-forwarded-host")).toBe(named ?? "");
  }
  const nobody = "GET http://nobody.localhost/ HTTP/1.1\r\nHost: hello.localhost\r\n\r\n";
  expect((await exchange(nobody)).status).toBe(404);
});

test("a request whose place in a cell must be waited for is served like any other", async () => {
  const dispatcher = new TestDispatcher(cell.socketPath);
  dispatcher.waits = true;
  await using waiting = startRig(dispatcher);
  const { port } = waiting.ingress;
  expect(await echo(`GET /get HTTP/1.1\r\n${host}\r\n`, port)).toMatchObject({ method: "GET", body: "" });
  const post = `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`;
  expect(await echo(post, port)).toMatchObject({ method: "POST", body: "abc" });
  expect(dispatcher.settled).toBe(true);
});

test("what only the platform may say is taken out of a request", async () => {
  const seen = await echo(
    `GET / HTTP/1.1\r\n${host}X-Ow-Cell: 1\r\nx-request-id: mine\r\nForwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: bank.example\r\nX-Forwarded-Port: 1\r\nX-Real-Ip: 1.1.1.1\r\nCF-Connecting-IP: 1.1.1.1\r\nCf-Ray: 1\r\nConnection: X-Listed, keep-alive\r\nX-Listed: 1\r\nKeep-Alive: 1\r\nProxy-Connection: 1\r\nTE: trailers\r\nTrailer: X\r\n\r\n`,
  );
  expect(seen.url).toBe("http://hello.localhost:8787/");
  expect(seen.headers.map(([name]) => name)).toEqual([
    "cf-connecting-ip",
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
  ]);
  expect(JSON.stringify(seen.headers)).not.toContain("1.1.1.1");
  expect(JSON.stringify(seen.headers)).not.toContain("mine");
});

test("a trusted proxy's word on scheme, client and request id is passed on", async () => {
  await using behind = startRig(new TestDispatcher(cell.socketPath), { trustedProxies: ["127.0.0.0/8"] });
  const seen = await echo(
    `GET /x HTTP/1.1\r\nHost: hello.localhost\r\nX-Request-Id: outer-1\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9, 127.0.0.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n\r\n`,
    behind.ingress.port,
  );
  expect(seen.url).toBe("https://hello.localhost/x");
  const headers = Object.fromEntries(seen.headers);
  expect(headers["x-request-id"]).toBe("outer-1");
  expect(headers["cf-connecting-ip"]).toBe("203.0.113.9");
  expect(headers["x-forwarded-for"]).toBe("6.6.6.6, 203.0.113.9, 127.0.0.2, 127.0.0.1");
  expect(headers["x-forwarded-host"]).toBe("shop.example");
});

test.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "MKCOL", "REPORT"])(
  "%s reaches the worker",
  async (method) => {
    expect((await echo(`${method} / HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`)).method).toBe(method);
  },
);

test("a method that the runtime does not know is answered 501 without a word from the runtime", async () => {
  const response = await exchange(`BREW / HTTP/1.1\r\n${host}\r\n`);
  expect([response.status, response.body.includes("ERROR")]).toEqual([501, false]);
});

test("status, reason, repeated headers and cookies come back; the platform's own names do not", async () => {
  const response = await exchange(`GET /headers HTTP/1.1\r\n${host}\r\n`);
  expect(response.head).toStartWith("HTTP/1.1 299 Quite Fine\r\n");
  expect(response.all("set-cookie")).toEqual(["a=1; Path=/", "b=2, c; Path=/"]);
  expect(response.all("x-plain")).toEqual(["kept"]);
  expect(response.all("cf-ray")).toEqual(["mine"]);
  expect([response.all("x-ow-secret"), response.all("x-termination-reason")]).toEqual([[], []]);
  expect([response.all("x-request-id").length, response.all("date").length]).toEqual([1, 1]);
});

test.each([204, 304])("a %i has no body and leaves its connection usable", async (status) => {
  using client = await RawClient.connect(rig.ingress.port);
  const first = await client.send(`GET /status?s=${status} HTTP/1.1\r\n${host}\r\n`).response(false);
  expect([first.status, first.all("etag"), first.all("transfer-encoding")]).toEqual([status, ['"x"'], []]);
  expect((await client.send(`GET /status?s=200 HTTP/1.1\r\n${host}\r\n`).response()).body).toBe("text");
});

test("HEAD has the length and no body", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  const first = await client.send(`HEAD /status?s=200 HTTP/1.1\r\n${host}\r\n`).response(false);
  expect([first.status, first.all("content-length")]).toEqual([200, ["4"]]);
  const second = await client.send(`GET /status?s=200 HTTP/1.1\r\n${host}\r\n`).response();
  expect([second.status, second.body]).toEqual([200, "text"]);
});

test("a compressed body passes untouched", async () => {
  const response = await fetch(`http://127.0.0.1:${rig.ingress.port}/gzip`, {
    headers: { Host: "hello.localhost", "Accept-Encoding": "gzip" },
    decompress: false,
  });
  expect(gunzipSync(await response.arrayBuffer()).toString()).toBe("compressed ".repeat(100));
});

test("pipelined requests are answered in order", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  const requests = Array.from({ length: 50 }, (_, i) =>
    i % 2 === 0
      ? `GET /echo?n=${i} HTTP/1.1\r\n${host}\r\n`
      : `POST /echo?n=${i} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  );
  client.send(requests.join(""));
  for (let i = 0; i < 50; i++) {
    const seen = JSON.parse((await client.response()).body) as Echo;
    expect([seen.url, seen.body]).toEqual([
      `http://hello.localhost:8787/echo?n=${i}`,
      i % 2 === 0 ? "" : "abc",
    ]);
  }
});

test("HTTP/1.0 is answered without chunks and closed", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`GET /large?bytes=300000 HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\n`);
  await client.untilClosed();
  expect(client.text).not.toContain("Transfer-Encoding");
  expect(client.text.slice(client.text.indexOf("\r\n\r\n") + 4)).toBe("a".repeat(300_000));
});

test("a client that expects 100-continue is told to go on before it sends", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST /count HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  expect((await client.response(false)).status).toBe(100);
  expect((await client.send("hello").response()).body).toBe("5");
});

test("an event is with the client while the response goes on", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`GET /events HTTP/1.1\r\n${host}\r\n`);
  await client.untilText("data: first\n\n");
  expect(client.closed).toBe(false);
});

async function seen(): Promise<{ aborted: number; waiting: number }> {
  return JSON.parse((await exchange(`GET /seen HTTP/1.1\r\n${host}\r\n`)).body) as {
    aborted: number;
    waiting: number;
  };
}

test("a client that leaves aborts the worker's request, before the head and after it", async () => {
  const before = await seen();
  for (const path of ["/silent", "/events"]) {
    using client = await RawClient.connect(rig.ingress.port);
    client.send(`GET ${path} HTTP/1.1\r\n${host}\r\n`);
    if (path === "/events") await client.untilText("first");
    else while ((await seen()).waiting === before.waiting);
    const count = rig.logs.records.length;
    client.end();
    const record = await rig.logs.record(count);
    expect([record.path, record.outcome, record.status]).toEqual([
      path,
      "canceled",
      path === "/silent" ? 499 : 200,
    ]);
  }
  // Settles or times out: the worker hears of it a turn of its event loop later.
  while ((await seen()).aborted < before.aborted + 2);
});

test("a body is echoed while it is still being sent", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST /pipe HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`);
  await client.untilText("first");
  client.send("6\r\nsecond\r\n");
  await client.untilText("second");
  client.send("0\r\nX-Trailer: dropped\r\n\r\n");
  await client.untilText("0\r\n\r\n");
  expect(client.text).not.toContain("X-Trailer");
});

test("a worker that does not read the body is no obstacle", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST /ignore-body HTTP/1.1\r\n${host}Content-Length: 50000000\r\n\r\n`);
  client.send(Buffer.alloc(50_000_000, 98));
  expect((await client.response()).body).toBe("did not read it");
});

test("1 GB down arrives whole in flat memory", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`GET /large?bytes=${2 ** 30} HTTP/1.1\r\n${host}\r\n`);
  await client.response(false);
  client.counting = true;
  const before = process.memoryUsage.rss();
  let peak = 0;
  const count = rig.logs.records.length;
  const done = rig.logs.record(count);
  const sample = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const record = await done;
  clearInterval(sample);
  await client.until(() => client.bytesReceived >= 2 ** 30);
  expect(record.outcome).toBe("ok");
  // The reading client is in this process as well: flat is far below the body, not near zero.
  expect(peak - before).toBeLessThan(400 * 2 ** 20);
}, 60_000);

test("1 GB up arrives whole in flat memory", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`POST /count HTTP/1.1\r\n${host}Content-Length: ${2 ** 30}\r\n\r\n`);
  const chunk = Buffer.alloc(2 ** 20, 98);
  const before = process.memoryUsage.rss();
  let peak = 0;
  for (let i = 0; i < 1024; i++) {
    client.send(chunk);
    await client.until(() => client.unsent === 0);
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  expect((await client.response()).body).toBe(`${2 ** 30}`);
  // The reading client is in this process as well: flat is far below the body, not near zero.
  expect(peak - before).toBeLessThan(400 * 2 ** 20);
}, 60_000);

test("every place was given back once, and nothing had to be reported", () => {
  expect(rig.dispatcher.settled).toBe(true);
  expect(rig.reports).toEqual([]);
});
