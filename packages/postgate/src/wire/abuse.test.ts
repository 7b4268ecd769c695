import { afterAll, expect, test } from "bun:test";
import { run, TestPlatform, tenantsServers } from "./testing/platform.ts";
import { codes, message, packet, RawClient, startup } from "./testing/raw-client.ts";

const parts = new AsyncDisposableStack();
const [server] = await tenantsServers(parts);
if (server === undefined) throw new Error("no PostgreSQL");
const limits = { strangersPerAddress: 20, strangers: 30, handshakeMs: 400 };
const platform = parts.use(await TestPlatform.start(server, { limits }));
const { id, token } = await platform.tenant();
// Made now, so that no handshake waits for it.
await platform.directory.tenant(id);
afterAll(() => parts.disposeAsync());

const works = async () =>
  expect((await run(["psql", "-XAtc", "select 1", platform.url(token)])).out).toBe("1\n");

const length = (bytes: number, rest = "") => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes);
  return Buffer.concat([head, Buffer.from(rest)]);
};

const garbage: [string, Uint8Array | string, string][] = [
  ["HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "invalid length of startup packet"],
  ["a start-up packet of 4 GB", length(0xffffffff), "invalid length of startup packet"],
  ["a start-up packet of 1 MB", length(1 << 20), "invalid length of startup packet"],
  ["a start-up packet of no bytes", length(0), "invalid length of startup packet"],
  ["a start-up packet of its length alone", length(4), "invalid length of startup packet"],
  ["protocol 2", packet(2 << 16, Buffer.alloc(292)), "unsupported frontend protocol 2.0"],
  ["protocol 9", packet(9 << 16, Buffer.from("user\0u\0\0")), "unsupported frontend protocol 9.0"],
  ["parameters without an end", packet(codes.three, Buffer.from("user\0u")), "expected terminator"],
  [
    "a parameter without a value",
    packet(codes.three, Buffer.from("user\0\0")),
    "invalid startup packet layout",
  ],
  ["an SSLRequest with a tail", packet(codes.ssl, Buffer.from("tail")), "invalid length of startup packet"],
  ["a cancel without a key", packet(codes.cancel), "invalid length of query cancel packet"],
  [
    "a cancel with a long key",
    packet(codes.cancel, Buffer.alloc(256)),
    "invalid length of query cancel packet",
  ],
  ["a name that is no setting's", startup({ user: "u", "a b": "c" }), 'parameter "a b" cannot be set'],
  ["replication", startup({ user: "u", replication: "database" }), "replication connections are not offered"],
];

for (const [what, bytes, answer] of garbage) {
  test(`${what}, is told off and closed`, async () => {
    using client = await RawClient.connect(platform);
    client.send(bytes);
    await client.closed;
    expect(client.received.toString("latin1")).toContain(answer);
  });
}

const passwords: [string, Uint8Array][] = [
  ["a query instead of a password", message("Q", "select 1\0")],
  ["a password of 4 GB", Buffer.from([0x70, 0xff, 0xff, 0xff, 0xff])],
  ["a password of 2 KB", message("p", `${"x".repeat(2_048)}\0`)],
  ["a password without an end", message("p", "x")],
  ["an empty message", message("p", "")],
];

for (const [what, bytes] of passwords) {
  test(`${what}, is told off and closed`, async () => {
    using client = await RawClient.connect(platform);
    client.send(startup({ user: "u" }));
    await client.until(9);
    client.send(bytes);
    await client.closed;
    expect(client.received.subarray(9).toString("latin1")).toStartWith("E");
    expect(client.received.toString("latin1")).toContain("08P01");
  });
}

test("random bytes at every step end their own connection only", async () => {
  const steps = [[], [packet(codes.ssl)], [startup({ user: "u" })], [packet(codes.gss)]];
  for (let round = 0; round < 60; round++) {
    using client = await RawClient.connect(platform);
    for (const step of steps[round % steps.length] ?? []) client.send(step);
    if (round % steps.length > 0) await client.until(1);
    client.send(crypto.getRandomValues(new Uint8Array(1 + ((round * 37) % 2_000))));
    // Some of it looks like the beginning of something long: the handshake's deadline ends that.
    await client.closed;
  }
  await works();
  // What strangers do is no error of ours.
  expect(platform.reported.filter(({ message }) => message.includes("error"))).toEqual([]);
});

test("who opens a connection and says nothing is closed, at every step of the handshake", async () => {
  const steps = ["", length(100, "abc"), packet(codes.ssl), startup({ user: "u" }), packet(codes.gss)];
  await Promise.all(
    steps.map(async (step) => {
      using client = await RawClient.connect(platform);
      if (step.length > 0) client.send(step);
      await client.closed;
    }),
  );
  await works();
});

test("connections that show no token are bounded, and places come free again", async () => {
  const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(platform)));
  try {
    const refused = await Promise.race([
      Promise.all(clients.slice(limits.strangersPerAddress).map(({ closed }) => closed)),
      Promise.all(clients.map(({ closed }) => closed)).then(() => "all"),
    ]);
    expect(refused).toBeArray();
    for (const client of clients.slice(limits.strangersPerAddress)) {
      expect(client.received.toString("latin1")).toContain("too many connections");
    }
    await Promise.all(clients.map(({ closed }) => closed));
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  await works();
});

test("after the login PostgreSQL judges what is sent, and its session goes with the client", async () => {
  using client = await RawClient.connect(platform);
  client.send(Buffer.concat([startup({ user: "u" }), message("p", `${token}\0`)]));
  await platform.sessions(id, 1);
  client.send(Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]));
  client.send("x".repeat(10_000));
  await client.closed;
  await platform.sessions(id, 0);
});

test("errors of a database that is not reached name no role, no inner database and no address", async () => {
  const { id: lost, token: its } = await platform.tenant();
  await platform.directory.tenant(lost);
  const role = `ow_${lost.replaceAll("-", "")}`;
  const words = async () => (await run(["psql", "-XAtc", "select 1", platform.url(its)])).err;
  const told: string[] = [];
  await platform.ask(`alter role ${role} connection limit 0`);
  told.push(await words());
  await platform.ask(`alter role ${role} connection limit -1 password 'another'`);
  told.push(await words());
  await platform.ask(`alter role ${role} password 'owner-secret' nologin`);
  told.push(await words());
  await platform.ask(`alter role ${role} login`);
  await platform.ask(`drop database ${role} with (force)`);
  told.push(await words());
  expect(told.map((text) => text.replace(/^.*FATAL: {2}/s, "").trim())).toEqual([
    "the database has as many connections as it may have",
    "the database does not accept the login that is kept for it",
    expect.stringMatching(/^the database is suspended for a while\nHINT: {2}[^_]*$/),
    "the database is not on its server",
  ]);
  for (const text of told) expect(text).not.toContain(role.slice(3));
});
