import { describe, expect, test } from "bun:test";
import { OriginRelay } from "./origin-relay.ts";
import type { FetchRequest } from "./proxy-request.ts";

const asking = (method = "GET", webSocket = false): FetchRequest => ({
  kind: "fetch",
  method,
  webSocket,
  tls: false,
  host: "example.com",
  port: 80,
  path: "/",
  authority: "example.com",
  fields: "",
  bodyLength: 0,
  hasLength: false,
  requestId: undefined,
});

/** What the cell is sent for `text`, fed in pieces of `step` bytes, and how it ended. */
function relay(text: string, { method = "GET", webSocket = false, step = text.length, closes = false } = {}) {
  const one = new OriginRelay(asking(method, webSocket));
  let out = "";
  for (let at = 0; at < text.length; at += step) {
    const event = one.take(Buffer.from(text.slice(at, at + step), "latin1"));
    if (event.kind === "broken") return { out, end: "broken" };
    if (event.kind === "switch") return { out: `${event.head}${event.rest}`, end: "switch" };
    out += Buffer.concat(event.out).toString("latin1");
    if (event.kind === "end") return { out, end: event.reusable ? "reusable" : "end" };
  }
  if (!closes) return { out, end: "open" };
  const rest = one.end();
  return rest === undefined
    ? { out, end: "cut" }
    : { out: out + Buffer.concat(rest).toString("latin1"), end: "end" };
}

const body = (head: string, content: string) => `${head}\r\n\r\n${content}`;

describe("a response", () => {
  const plain = body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip", "hello");

  test("of known length passes as it is, however it is cut", () => {
    for (const step of [1, 2, 7, plain.length]) {
      const { out, end } = relay(plain, { step });
      expect([step, out, end]).toEqual([
        step,
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        "reusable",
      ]);
    }
  });

  test("in chunks stays in chunks, without its trailers", () => {
    const { out, end } = relay(
      body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"),
    );
    expect(out).toBe("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    expect(end).toBe("reusable");
  });

  test("that ends with its connection is put in chunks", () => {
    const { out, end } = relay(body("HTTP/1.0 200 OK\r\nA: b", "hello"), { closes: true });
    expect(out).toBe("HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    expect(end).toBe("end");
  });

  test("that is cut short is never taken for whole", () => {
    expect(relay(body("HTTP/1.1 200 OK\r\nContent-Length: 6", "hello"), { closes: true }).end).toBe("cut");
    expect(
      relay(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n"), { closes: true }).end,
    ).toBe("cut");
    expect(relay("HTTP/1.1 200 OK\r\nContent-", { closes: true }).end).toBe("cut");
  });

  test("without a body has none, whatever it says", () => {
    const says = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    expect(relay(says, { method: "HEAD" })).toEqual({ out: says, end: "reusable" });
    for (const status of ["204 No Content", "304 Not Modified"]) {
      expect(relay(`HTTP/1.1 ${status}\r\nA: b\r\n\r\n`)).toEqual({
        out: `HTTP/1.1 ${status}\r\nA: b\r\n\r\n`,
        end: "reusable",
      });
    }
    expect(relay(body("HTTP/1.1 204 No\r\nContent-Length: 5", "hello")).end).toBe("end");
  });

  test("after interim ones is the one that counts", () => {
    expect(
      relay(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${plain}`).out,
    ).toContain("hello");
  });

  test("cannot speak for the platform, nor of what is between two hops", () => {
    const { out } = relay(
      body(
        "HTTP/1.1 200 OK\r\nX-Ow-Error: EGRESS_REFUSED\r\nx-ow-message: m\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: a\r\nContent-Length: 0",
        "",
      ),
    );
    expect(out).toBe("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });

  test("leaves no connection to be used again when it says close, or more than was asked for follows", () => {
    expect(relay("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").end).toBe("end");
    expect(relay("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").end).toBe("end");
    expect(relay("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n").end).toBe("end");
  });

  test("opens a WebSocket only when one was asked for", () => {
    const opens =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: k\r\n\r\nfirst";
    expect(relay(opens, { webSocket: true })).toEqual({
      out: "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst",
      end: "switch",
    });
    expect(relay(opens).end).toBe("broken");
    expect(
      relay("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", { webSocket: true }).end,
    ).toBe("broken");
  });

  for (const text of [
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 99 Low\r\n\r\n",
    "HTTP/1.1 600 High\r\n\r\n",
    "SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "HTTP/1.1 200 OK\n\n",
    "HTTP/1.1 200 O\0K\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    `HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}`,
  ]) {
    test(`${JSON.stringify(text.slice(0, 60))} is none`, () => {
      expect(relay(text).end).toBe("broken");
    });
  }
});
