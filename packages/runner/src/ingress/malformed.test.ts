import { afterAll, expect, test } from "bun:test";
import { RawClient } from "./testing/raw-client.ts";
import { startRig, TestDispatcher } from "./testing/rig.ts";

const dispatcher = new TestDispatcher("/nonexistent");
const rig = startRig(dispatcher);
afterAll(() => rig[Symbol.asyncDispose]());

const host = "Host: hello.localhost\r\n";
const get = (lines: string) => `GET / HTTP/1.1\r\n${host}${lines}\r\n`;

const cases: readonly [name: string, bytes: string, status: number][] = [
  ["an empty method", ` / HTTP/1.1\r\n${host}\r\n`, 400],
  ["a method with a control character", `GE\0T / HTTP/1.1\r\n${host}\r\n`, 400],
  ["two spaces before the target", `GET  / HTTP/1.1\r\n${host}\r\n`, 400],
  ["a space in the target", `GET /a b HTTP/1.1\r\n${host}\r\n`, 400],
  ["a tab in the target", `GET /a\tb HTTP/1.1\r\n${host}\r\n`, 400],
  ["no version", `GET /\r\n${host}\r\n`, 400],
  ["version 2.0", `GET / HTTP/2.0\r\n${host}\r\n`, 505],
  ["the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["version 1.2", `GET / HTTP/1.2\r\n${host}\r\n`, 505],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400],
  ["an https target, which came over no TLS", `GET https://hello.localhost/ HTTP/1.1\r\n${host}\r\n`, 400],
  ["a target of another scheme", `GET ftp://hello.localhost/ HTTP/1.1\r\n${host}\r\n`, 400],
  ["an absolute target without a host", `GET http:///x HTTP/1.1\r\n${host}\r\n`, 400],
  ["an absolute target with a query alone", `GET http://?x HTTP/1.1\r\n${host}\r\n`, 400],
  ["an absolute target with user information", `GET http://a@hello.localhost/ HTTP/1.1\r\n${host}\r\n`, 400],
  [
    "an absolute target with a port that is none",
    `GET http://hello.localhost:65536/ HTTP/1.1\r\n${host}\r\n`,
    400,
  ],
  [
    "an absolute target with a backslash",
    `GET http://hello.localhost\\@other.localhost/ HTTP/1.1\r\n${host}\r\n`,
    400,
  ],
  [
    "an absolute target with an escape in its host",
    `GET http://hello%2elocalhost/ HTTP/1.1\r\n${host}\r\n`,
    400,
  ],
  ["an absolute target with a fragment", `GET http://hello.localhost/#x HTTP/1.1\r\n${host}\r\n`, 400],
  ["an absolute target with two slashes too few", `GET http:hello.localhost/ HTTP/1.1\r\n${host}\r\n`, 400],
  ["an absolute target without a Host field", "GET http://hello.localhost/ HTTP/1.1\r\n\r\n", 400],
  [
    "an absolute target with a malformed Host field",
    "GET http://hello.localhost/ HTTP/1.1\r\nHost: a b\r\n\r\n",
    400,
  ],
  ["OPTIONS of a host", `OPTIONS http://hello.localhost HTTP/1.1\r\n${host}\r\n`, 400],
  ["an authority as target", `GET hello.localhost HTTP/1.1\r\n${host}\r\n`, 400],
  ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${host}\r\n`, 400],
  ["CONNECT", `CONNECT hello.localhost:443 HTTP/1.1\r\n${host}\r\n`, 405],
  ["TRACE", `TRACE / HTTP/1.1\r\n${host}\r\n`, 405],
  ["a target that is not UTF-8", `GET /\xe9 HTTP/1.1\r\n${host}\r\n`, 400],
  ["a fragment", `GET /#x HTTP/1.1\r\n${host}\r\n`, 400],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 400],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400],
  ["two Hosts", get("Host: other.localhost\r\n"), 400],
  ["the same Host twice", get(host), 400],
  ["a Host with a path", "GET / HTTP/1.1\r\nHost: hello.localhost/x\r\n\r\n", 400],
  ["a Host with user information", "GET / HTTP/1.1\r\nHost: a@hello.localhost\r\n\r\n", 400],
  ["a Host with a space", "GET / HTTP/1.1\r\nHost: hello localhost\r\n\r\n", 400],
  ["a Host with a port that is none", "GET / HTTP/1.1\r\nHost: hello.localhost:65536\r\n\r\n", 400],
  ["a list of Hosts", "GET / HTTP/1.1\r\nHost: hello.localhost, other.localhost\r\n\r\n", 400],
  ["a space before the colon", get("X-A : 1\r\n"), 400],
  ["a Host with a space before the colon", "GET / HTTP/1.1\r\nHost : hello.localhost\r\n\r\n", 400],
  ["a header without a name", get(": 1\r\n"), 400],
  ["a header without a colon", get("nonsense\r\n"), 400],
  ["a name with a slash", get("a/b: 1\r\n"), 400],
  ["obs-fold", get("X-A: 1\r\n 2\r\n"), 400],
  ["a first header that is folded", `GET / HTTP/1.1\r\n ${host}\r\n`, 400],
  ["NUL in a value", get("X-A: a\0b\r\n"), 400],
  ["a bare CR in a value", get("X-A: a\rTransfer-Encoding: chunked\r\n"), 400],
  ["a bare LF in a value", get("X-A: a\nTransfer-Encoding: chunked\r\n"), 400],
  ["bare LFs only", "GET / HTTP/1.1\nHost: hello.localhost\n\n", 400],
  ["a bare LF after the request line", `GET / HTTP/1.1\n${host}\r\n`, 400],
  ["CL and TE", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400],
  ["TE and CL", get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400],
  ["two lengths", get("Content-Length: 5\r\nContent-Length: 6\r\n"), 400],
  ["the same length twice", get("Content-Length: 5\r\nContent-Length: 5\r\n"), 400],
  ["a list of lengths", get("Content-Length: 5, 5\r\n"), 400],
  ["a signed length", get("Content-Length: +5\r\n"), 400],
  ["a negative length", get("Content-Length: -5\r\n"), 400],
  ["a hexadecimal length", get("Content-Length: 0x5\r\n"), 400],
  ["an empty length", get("Content-Length:\r\n"), 400],
  ["a length beyond what a number holds", get("Content-Length: 99999999999999999999\r\n"), 400],
  ["another transfer coding", get("Transfer-Encoding: gzip\r\n"), 400],
  ["chunked that is not last", get("Transfer-Encoding: chunked, gzip\r\n"), 400],
  ["chunked twice", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400],
  ["chunked with a vertical tab", get("Transfer-Encoding: \x0bchunked\r\n"), 400],
  ["chunked with a no-break space", get("Transfer-Encoding: chunked\xa0\r\n"), 400],
  ["a length with a no-break space", get("Content-Length: \xa05\r\n"), 400],
  ["a Host with a no-break space", "GET / HTTP/1.1\r\nHost: \xa0hello.localhost\r\n\r\n", 400],
  ["xchunked", get("Transfer-Encoding: xchunked\r\n"), 400],
  ["identity", get("Transfer-Encoding: identity\r\n"), 400],
  ["chunked in HTTP/1.0", `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n`, 400],
  ["another expectation", get("Expect: 200-ok\r\n"), 417],
  [
    "a WebSocket that opens with POST",
    `POST / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    400,
  ],
  ["a WebSocket with a body", get("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n"), 400],
  ["a head of 65 KiB", get(`X-A: ${"a".repeat(65 * 1024)}\r\n`), 431],
  ["a head of 1 MiB that never ends", `GET / HTTP/1.1\r\n${"X-A: a\r\n".repeat(130_000)}`, 431],
  ["a target of 100 KiB", `GET /${"a".repeat(100 * 1024)} HTTP/1.1\r\n${host}\r\n`, 431],
  ["257 fields", get("A: b\r\n".repeat(257)), 400],
];

for (const [name, bytes, status] of cases) {
  test(`${name} is answered ${status}, closed, and never forwarded`, async () => {
    using client = await RawClient.connect(rig.ingress.port);
    client.send(bytes);
    const response = await client.response();
    expect(response.status).toBe(status);
    expect(response.all("connection")).toEqual(["close"]);
    expect(response.body).not.toContain("    at ");
    await client.untilClosed();
    expect(client.text).toBe("");
    expect(dispatcher.leases).toHaveLength(0);
  });
}

test("a refused request cannot be followed by another on its connection", async () => {
  using client = await RawClient.connect(rig.ingress.port);
  client.send(`${get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")}${get("")}`);
  expect((await client.response()).status).toBe(400);
  await client.untilClosed();
  expect(client.text).toBe("");
  expect(rig.queries).toHaveLength(0);
});
