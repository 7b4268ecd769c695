import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type EgressRig, type EgressWorker, egressRig } from "./testing/rig.ts";
import { nameServer, rawServer } from "./testing/servers.ts";
import { actions, obedient } from "./testing/worker.ts";

// Attacks on the guard from inside a cell, with everything real between the worker and the network.

const modules = actions({
  get: 'return (await fetch(query.get("url"))).text();',
  method: 'return (await fetch(query.get("url"), { method: "POST", body: "x" })).text();',
  inject: `const tries = [];
    for (const [name, value] of [["a", "b\\r\\nx-injected: 1"], ["a", "b\\nx-injected: 1"], ["a\\r\\nx-injected", "1"], ["a", "\\0"]])
      tries.push(await fetch(query.get("url"), { headers: [[name, value]] }).then(() => "sent", (e) => e.name));
    for (const path of ["/x HTTP/1.1\\r\\nx-injected: 1\\r\\n\\r\\n", "/\\r\\nx-injected: 1", "/%0d%0ax-injected: 1"])
      tries.push(await fetch(query.get("url") + path).then((r) => r.status, (e) => e.name));
    return tries;`,
  forge: `return (await fetch(query.get("url"), { headers: { host: "evil.test", connection: "x-ow-request", "x-ow-request": "other",
    "x-ow-binding": "KV", "transfer-encoding": "chunked", "proxy-authorization": "Basic eA==" } })).text();`,
  connect: `const socket = connect(query.get("to"), { secureTransport: query.get("tls") ?? "off" });
    await socket.opened; return "open";`,
});

let closed: EgressRig;
let worker: EgressWorker;

/** A rig like a platform's: nothing is permitted. */
beforeAll(async () => {
  closed = await egressRig({ allow: [] });
  worker = await closed.start(obedient, { modules });
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
});

const ask = async (one: EgressWorker, action: string, query: Record<string, string>): Promise<unknown> =>
  (await one.ask(`/${action}?${new URLSearchParams(query)}`)).json();

/** Every way to write 127.0.0.1 and ::1 that a URL parser, a resolver or the kernel is known to take. */
const spellings = [
  ...[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0X7F.0.0.1",
  ],
  ...[
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "00000177.0.0.1",
    "127.0.0.1.",
    "127.0x0.0.1",
    "%31%32%37.0.0.1",
    "127%2E0%2E0%2E1",
  ],
  ...[
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "user@127.0.0.1",
    "user:password@127.0.0.1",
    "1.1.1.1@127.0.0.1",
  ],
  ...["1.1.1.1:80@127.0.0.1", "1.1.1.1#@127.0.0.1".replace("#", "%23"), "0", "0.0.0.0", "0x0", "00.0"],
  ...[
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
  ],
  ...[
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[::ffff:0:127.0.0.1]",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
  ],
];

describe("a worker does not reach the machine it runs on", () => {
  test("however its address is spelled", async () => {
    using here = rawServer();
    using here6 = rawServer({ hostname: "::1" });
    for (const host of spellings) {
      for (const { port } of [here, here6]) {
        const { code } = (await ask(worker, "get", { url: `http://${host}:${port}/` })) as { code?: string };
        // A name that only some resolvers know, such as a.localhost, has no address here.
        expect([host, ["EGRESS_REFUSED", "EGRESS_FAILED"].includes(code ?? "")]).toEqual([host, true]);
        expect(await ask(worker, "connect", { to: `${host.replace(/^.*@/, "")}:${port}` })).toMatchObject({
          error: expect.any(String),
        });
      }
    }
    expect([here.opened(), here6.opened()]).toEqual([0, 0]);
  });

  test("nor what is around it", async () => {
    for (const host of [
      "10.0.0.1",
      "192.168.1.1",
      "172.17.0.1",
      "100.64.0.1",
      "169.254.169.254",
      "[fd00:ec2::254]",
      "[fe80::1]",
    ]) {
      expect(await ask(worker, "get", { url: `http://${host}/latest/meta-data/` })).toMatchObject({
        code: "EGRESS_REFUSED",
        error: expect.stringMatching(
          /^TypeError: The platform refused the connection: .* is an address that is not public \(/,
        ),
      });
    }
    expect(await ask(worker, "get", { url: "http://metadata.google.internal/" })).toMatchObject({
      code: "EGRESS_REFUSED",
    });
  });

  test("nor ports that speak another protocol", async () => {
    for (const port of [25, 5432, 6379, 11_211]) {
      expect(await ask(worker, "method", { url: `http://1.1.1.1:${port}/` })).toMatchObject({
        error: expect.stringContaining(`port ${port} is blocked`),
      });
    }
  });
});

describe("a name that changes where it leads", () => {
  test("is looked up once for a connection, which goes where it was judged", async () => {
    // The second answer would be refused: had anybody asked again, the request would not have arrived.
    await using dns = await nameServer((_, times) => (times === 0 ? ["127.0.0.1"] : ["127.0.0.2"]));
    await using rig = await egressRig({ allow: ["127.0.0.1"], resolve: dns.resolve });
    await using one = await rig.start(obedient, { modules });
    using here = rawServer({
      received: (_, write) => write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
    });
    const url = `http://rebound.test:${here.port}/`;
    expect(await ask(one, "get", { url })).toBe("ok");
    expect(dns.asked.get("rebound.test")).toBe(1);
    expect(await ask(one, "get", { url })).toMatchObject({ code: "EGRESS_REFUSED" });
    expect(dns.asked.get("rebound.test")).toBe(2);
    expect(here.opened()).toBe(1);
  });

  test("leads nowhere when one of its addresses is refused", async () => {
    await using dns = await nameServer(() => ["127.0.0.1", "10.0.0.1"]);
    await using rig = await egressRig({ allow: ["127.0.0.1"], resolve: dns.resolve });
    await using one = await rig.start(obedient, { modules });
    using here = rawServer();
    expect(await ask(one, "get", { url: `http://both.test:${here.port}/` })).toMatchObject({
      code: "EGRESS_REFUSED",
    });
    expect(await ask(one, "connect", { to: `both.test:${here.port}` })).toMatchObject({
      error: expect.any(String),
    });
    expect(here.opened()).toBe(0);
  });

  test("is judged by where it leads, not by what it is called", async () => {
    await using dns = await nameServer(() => ["169.254.169.254"]);
    await using rig = await egressRig({ allow: [], resolve: dns.resolve });
    await using one = await rig.start(obedient, { modules });
    expect(await ask(one, "get", { url: "http://www.example.com/" })).toMatchObject({
      error: expect.stringContaining("www.example.com leads to an address that is not public (link-local)"),
    });
  });
});

describe("a redirect", () => {
  const redirecting = (to: string) =>
    rawServer({
      received: (_, write) => write(`HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`),
    });

  test("is judged like any other request", async () => {
    await using rig = await egressRig({ allow: ["127.0.0.1"] });
    await using one = await rig.start(obedient, { modules });
    for (const to of [
      "http://169.254.169.254/latest/",
      "http://127.0.0.2/",
      "//10.0.0.1/",
      "http://[::1]:22/",
      "http://2852039166/",
    ]) {
      using server = redirecting(to);
      expect(await ask(one, "get", { url: `http://127.0.0.1:${server.port}/` })).toMatchObject({
        code: "EGRESS_REFUSED",
      });
    }
  });

  test("to a host that is not on the worker's list is refused", async () => {
    await using rig = await egressRig({ resolve: async () => ["127.0.0.1"] });
    await using one = await rig.start(obedient, { modules, policy: { allow: ["a.test"] } });
    using server = redirecting("http://b.test/");
    expect(await ask(one, "get", { url: `http://a.test:${server.port}/` })).toEqual({
      error:
        "TypeError: The platform refused the connection: b.test is not in the worker's openworkers.egress.allow.",
      code: "EGRESS_REFUSED",
    });
    expect(server.opened()).toBe(1);
  });
});

describe("what a worker sends", () => {
  test("is one request, whatever it puts into fields and paths", async () => {
    await using rig = await egressRig();
    await using one = await rig.start(obedient, { modules });
    using server = rawServer({
      received: (_, write) => write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    });
    await ask(one, "inject", { url: `http://127.0.0.1:${server.port}` });
    expect(server.received()).not.toMatch(/^x-injected/im);
    expect(server.received().match(/^GET /gm)?.length).toBe(server.received().match(/\r\n\r\n/g)?.length);
  });

  test("goes to the host that was judged, under its name, without the platform's fields", async () => {
    await using rig = await egressRig({ resolve: async () => ["127.0.0.1"] });
    await using one = await rig.start(obedient, { modules });
    using server = rawServer({
      received: (_, write) => write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    });
    expect(await ask(one, "forge", { url: `http://real.test:${server.port}/` })).toBe("ok");
    expect(server.received()).toContain(`Host: real.test:${server.port}\r\n`);
    for (const word of ["evil.test", "x-ow-", "proxy-authorization", "transfer-encoding"]) {
      expect(server.received().toLowerCase()).not.toContain(word);
    }
  });
});

test("a switched-off platform lets nothing out, and says so", async () => {
  await using rig = await egressRig({ guard: { open: false } });
  await using one = await rig.start(obedient, { modules });
  expect(await ask(one, "get", { url: "http://1.1.1.1/" })).toMatchObject({
    error: expect.stringContaining("switched off on this platform (OW_EGRESS)"),
  });
});
