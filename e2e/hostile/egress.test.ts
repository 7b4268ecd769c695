import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { type Platform, startPlatform } from "../platform.ts";

// A worker that attacks what its platform's network leads to, on a platform whose operator permits loopback: what
// remains is what no permission gives.

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform({ env: { OW_EGRESS_ALLOW: "127.0.0.0/8" } });
  await platform.deploy(join(import.meta.dir, "fixtures", "quiet.js"), "--name", "quiet");
  await platform.deploy(join(import.meta.dir, "fixtures", "egress"));
  // The same with little time for an answer.
  await platform.deploy(join(import.meta.dir, "fixtures", "hurried"));
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  expect(await (await platform.fetch("quiet", "/still-here")).text()).toBe("quiet /still-here");
});

const attack = (path: string, to: string, init: BunFetchRequestInit = {}): Promise<Response> =>
  platform.fetch("egress", `${path}?to=${encodeURIComponent(to)}`, init);
const outcome = async (path: string, to: string): Promise<unknown> => (await attack(path, to)).json();

interface Peer extends Disposable {
  readonly url: string;
  readonly open: () => number;
  closed(): Promise<void>;
}

/** A server that `answer`s each request with bytes, and again whenever it could send more. */
function peer(answer: (write: (text: string | Uint8Array) => number) => void): Peer {
  let open = 0;
  const waiting = new Set<() => void>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open() {
        open++;
      },
      data: (socket) => answer((bytes) => socket.write(bytes)),
      close() {
        open--;
        for (const look of waiting) look();
      },
      error() {},
    },
  });
  return {
    url: `http://127.0.0.1:${listener.port}/`,
    open: () => open,
    closed: () =>
      new Promise((resolve) => {
        const look = () => {
          if (open === 0) resolve();
        };
        waiting.add(look);
        look();
      }),
    [Symbol.dispose]: () => void listener.stop(true),
  };
}

const text = (body: string, fields = "") =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

describe("a worker does not reach its platform", () => {
  test("at the public port, by any of its addresses, although loopback is permitted", async () => {
    for (const host of ["127.0.0.1", "127.1", "127.99.0.1", "localhost", "egress.localhost", "0.0.0.0"]) {
      const said = await outcome("/get", `http://${host}:${platform.port}/`);
      expect([host, said]).toEqual([host, expect.not.stringContaining("reached")]);
    }
    expect(await outcome("/get", `http://127.0.0.1:${platform.port}/`)).toContain("the platform itself");
    expect(await outcome("/open", `127.0.0.1:${platform.port}`)).toContain("cannot connect");
  });

  test("over a redirect", async () => {
    using one = peer((write) =>
      write(
        `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${platform.port}/\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
    expect(await outcome("/get", one.url)).toContain("the platform itself");
  });

  test("nor its machine by the addresses of its interfaces", async () => {
    const addresses = Object.values(networkInterfaces())
      .flatMap((entries) => entries ?? [])
      .filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0);
    for (const { address, family } of addresses) {
      const host = family === "IPv6" ? `[${address}]` : address;
      expect(await outcome("/get", `http://${host}:8080/`)).toContain("the machine that the worker runs on");
    }
    expect(await outcome("/get", "http://169.254.169.254/latest/meta-data/")).toContain(
      "not public (link-local)",
    );
  });
});

test("a storm of ten thousand fetches is served as far as the request's budget goes", async () => {
  using one = peer((write) => write(text("ok")));
  expect(await outcome("/storm", one.url)).toEqual({ served: 1_000 });
});

test("a server that never comes to an end of its head costs its request the wall limit, and is let go", async () => {
  using slow = peer((write) => {
    write("HTTP/1.1 200 OK\r\n");
    const dribble = setInterval(() => write("X-Drip: 1\r\n"), 20);
    setTimeout(() => clearInterval(dribble), 10_000);
  });
  const response = await platform.fetch("hurried", `/text?to=${slow.url}`);
  expect(response.headers.get("x-termination-reason")).toBe("wall-limit");
  await slow.closed();
});

test("an endless response ends with the client who reads it", async () => {
  const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(0x10000, "n"), Buffer.from("\r\n")]);
  using endless = peer((write) => {
    write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (write(chunk) === chunk.length);
  });
  const client = new AbortController();
  const response = await attack("/through", endless.url, { signal: client.signal });
  expect((await response.body?.getReader().read())?.value?.length).toBeGreaterThan(0);
  client.abort();
  await endless.closed();
});

test("a body that unpacks to more than the worker may hold ends in its own cell", async () => {
  const bomb = Bun.gzipSync(new Uint8Array(512 * 2 ** 20));
  using one = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(bomb, { headers: { "content-encoding": "gzip" } }),
  });
  const response = await attack("/bomb", `http://127.0.0.1:${one.port}/`);
  expect(["memory-limit", "exception"]).toContain(response.headers.get("x-termination-reason") ?? "none");
});
