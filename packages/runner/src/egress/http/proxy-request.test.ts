import { describe, expect, test } from "bun:test";
import { type FetchRequest, parseProxyRequest, writeRequestHead } from "./proxy-request.ts";

function parse(line: string, ...fields: string[]) {
  return parseProxyRequest(`${[line, ...fields].join("\r\n")}\r\n\r\n`);
}

function fetched(line: string, ...fields: string[]): FetchRequest {
  const request = parse(line, ...fields);
  if (typeof request === "string" || request.kind !== "fetch")
    throw new Error(`no fetch: ${JSON.stringify(request)}`);
  return request;
}

/** Where a URL leads, as the guard is asked. */
const place = (url: string) => {
  const { host, port, tls } = fetched(`GET ${url} HTTP/1.1`);
  return `${tls ? "tls " : ""}${host} ${port}`;
};

describe("the target of a request", () => {
  test("is one host, whichever way it is spelled", () => {
    for (const host of [
      "127.0.0.1",
      "2130706433",
      "0x7f.0.0.1",
      "0x7f000001",
      "0177.0.0.1",
      "0177.1",
      "127.1",
      "127.0.1",
    ]) {
      expect([host, place(`http://${host}/`)]).toEqual([host, "127.0.0.1 80"]);
    }
    for (const host of [
      "%31%32%37.0.0.1",
      "127.0.0.1.",
      "user:password@127.0.0.1",
      "1.1.1.1@127.0.0.1",
      "127%2e1",
    ]) {
      expect([host, place(`http://${host}/`)]).toEqual([host, "127.0.0.1 80"]);
    }
    // Full-width digits and dots, as their UTF-8 would arrive.
    const wide = encodeURIComponent("１２７．０．０．１");
    expect(place(`http://${wide}/`)).toBe("127.0.0.1 80");
    expect(place("http://[::ffff:127.0.0.1]/")).toBe("::ffff:7f00:1 80");
    expect(place("http://[::127.0.0.1]/")).toBe("::7f00:1 80");
    expect(place("http://[0:0::1]:8080/")).toBe("::1 8080");
    expect(place("https://EXAMPLE.com")).toBe("tls example.com 443");
    expect(place("https://example.com:8443?q")).toBe("tls example.com 8443");
  });

  test("is sent as path and query, with the Host of the URL and nobody's password", () => {
    const request = fetched("GET https://a:b@Example.com:8443/x/../y?q=1%20 HTTP/1.1", "Host: evil.test");
    expect(writeRequestHead(request).toString()).toBe(
      "GET /y?q=1%20 HTTP/1.1\r\nHost: example.com:8443\r\n\r\n",
    );
    expect(writeRequestHead(fetched("GET http://example.com HTTP/1.1")).toString()).toBe(
      "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    );
  });

  for (const target of [
    ...[
      "/",
      "*",
      "example.com",
      "ftp://example.com/",
      "file:///etc/passwd",
      "http:/example.com",
      "http:///x",
    ],
    ...[
      "http://a b/",
      "http://example.com:99999/",
      "http://exa\\mple/",
      "http://[::1/",
      "http://[fe80::1%25eth0]/",
    ],
    ...["http://256.256.256.256/", "http://1.2.3.4.5/", "//example.com/", "unix:/sockets/broker"],
  ]) {
    test(`${target} is refused`, () => {
      expect(parse(`GET ${target} HTTP/1.1`)).toBeString();
    });
  }
});

describe("a connection's address", () => {
  test("is judged in its canonical form", () => {
    const to = (target: string) => {
      const request = parse(`CONNECT ${target} HTTP/1.1`);
      return typeof request === "string" ? "refused" : `${request.host} ${request.port}`;
    };
    expect(to("db.example.com:5432")).toBe("db.example.com 5432");
    for (const spelled of ["127.1:80", "2130706433:80", "0x7f.0.0.1:80", "127.0.0.1.:80", "127.0.0.1:080"]) {
      expect([spelled, to(spelled)]).toEqual([spelled, "127.0.0.1 80"]);
    }
    expect(to("[::ffff:127.0.0.1]:5432")).toBe("::ffff:7f00:1 5432");
    for (const bad of [
      "example.com",
      "example.com:",
      ":80",
      "example.com:0",
      "example.com:65536",
      "a@b:80",
      "a/b:80",
    ]) {
      expect([bad, to(bad)]).toEqual([bad, "refused"]);
    }
  });
});

describe("what leaves", () => {
  test("has none of the platform's own fields, and none that are between two hops", () => {
    const request = fetched(
      "POST http://example.com/ HTTP/1.1",
      ...[
        "X-Ow-Request: id",
        "x-ow-binding: KV",
        "Connection: keep-alive, X-Hop",
        "X-Hop: 1",
        "Keep-Alive: 5",
      ],
      ...[
        "TE: trailers",
        "Trailer: x",
        "Expect: 100-continue",
        "Proxy-Authorization: Basic eA==",
        "Proxy-Connection: x",
      ],
      ...["Accept-Encoding: gzip", "X-Forwarded-For: 1.2.3.4", "cf-ray: 1", "Content-Length: 3"],
    );
    expect(request.requestId).toBe("id");
    expect(writeRequestHead(request).toString()).toBe(
      "POST / HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: gzip\r\nX-Forwarded-For: 1.2.3.4\r\ncf-ray: 1\r\nContent-Length: 3\r\n\r\n",
    );
  });

  test("opens a WebSocket when asked, and switches to nothing else", () => {
    const opening = fetched(
      "GET http://a/ HTTP/1.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Key: k",
    );
    expect(writeRequestHead(opening).toString()).toBe(
      "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    const other = fetched("GET http://a/ HTTP/1.1", "Connection: Upgrade", "Upgrade: h2c");
    expect(writeRequestHead(other).toString()).toBe("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  });
});

const smuggled: readonly (readonly string[])[] = [
  ["GET http://a/ HTTP/1.1", "A: b\rHost: c"],
  ["GET http://a/ HTTP/1.1", "A: b\nHost: c"],
  ["GET http://a/ HTTP/1.1", "A : b"],
  ["GET http://a/ HTTP/1.1", " folded"],
  ["GET http://a/ HTTP/1.1", "A: \0"],
  ["GET http://a/\r HTTP/1.1"],
  ["GET http://a/ HTTP/1.1 HTTP/1.1"],
  ["GET http://a/ HTTP/1.0"],
  ["G\tET http://a/ HTTP/1.1"],
  ["POST http://a/ HTTP/1.1", "Content-Length: 1", "Content-Length: 1"],
  ["POST http://a/ HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked"],
  ["POST http://a/ HTTP/1.1", "Content-Length: +1"],
  ["POST http://a/ HTTP/1.1", "Transfer-Encoding: gzip, chunked"],
  ["POST http://a/ HTTP/1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
  ["POST http://a/ HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 1"],
];

describe("a cell that speaks for itself", () => {
  for (const lines of smuggled) {
    test(`is refused for ${JSON.stringify(lines)}`, () => {
      expect(parse(...(lines as [string]))).toBeString();
    });
  }
});
