import { afterAll, expect, test } from "bun:test";
import { run, TestPlatform, tenantsServers } from "./testing/platform.ts";
import { codes, message, packet, RawClient, startup } from "./testing/raw-client.ts";

const parts = new AsyncDisposableStack();
const platforms = await Promise.all(
  (await tenantsServers(parts)).map(async (server) => parts.use(await TestPlatform.start(server))),
);
afterAll(() => parts.disposeAsync());

/** A session by hand, and the key that it was given. */
async function session(platform: TestPlatform, token: string): Promise<{ client: RawClient; key: Buffer }> {
  const client = await RawClient.connect(platform);
  client.send(startup({ user: "u", database: "d" }));
  await client.until(9);
  client.send(message("p", `${token}\0`));
  for (let bytes = 10; ; bytes++) {
    const received = await client.until(bytes);
    const ready = received.indexOf(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]));
    const at = received.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
    if (ready > 0 && at > 0) return { client, key: received.subarray(at + 5, at + 13) };
  }
}

async function cancel(platform: TestPlatform, key: Uint8Array): Promise<void> {
  using client = await RawClient.connect(platform);
  client.send(packet(codes.cancel, key));
  await client.closed;
  expect(client.received.length).toBe(0);
}

/** Resolves when the tenant's one session runs `query`. */
async function running(platform: TestPlatform, query: string): Promise<void> {
  for (;;) {
    const rows = await platform.ask("select 1 from pg_stat_activity where state = 'active' and query = $1", [
      query,
    ]);
    if (rows.length > 0) return;
    await Bun.sleep(10);
  }
}

for (const platform of platforms) {
  const { version } = platform.server;

  test(`on ${version}: Ctrl-C in psql cancels the statement, with TLS and without`, async () => {
    const { token } = await platform.tenant();
    for (const mode of ["disable", "require"]) {
      const query = `select pg_sleep(60), '${mode}${version}'`;
      const child = Bun.spawn(["psql", "-Xc", query, platform.url(token, `sslmode=${mode}`)], {
        stdout: "pipe",
        stderr: "pipe",
      });
      await running(platform, query);
      child.kill("SIGINT");
      expect(await new Response(child.stderr).text()).toContain("canceling statement due to user request");
      await child.exited;
    }
  });

  test(`on ${version}: a key cancels its own session and no other, and only while that lasts`, async () => {
    const { id, token } = await platform.tenant();
    const [one, other] = [await session(platform, token), await session(platform, token)];
    expect(one.key).not.toEqual(other.key);
    const pids = await platform.ask("select pid from pg_stat_activity where datname like 'ow_%'");
    // PostgreSQL's own keys would begin with its process ids.
    expect(pids.map(({ pid }) => pid)).not.toContain(one.key.readUInt32BE(0));

    for (const { client } of [one, other]) client.send(message("Q", "select pg_sleep(60)\0"));
    await running(platform, "select pg_sleep(60)");
    const wrong = Buffer.from(one.key);
    wrong.writeUInt8(wrong.readUInt8(7) ^ 1, 7);
    await cancel(platform, wrong);
    expect(
      await platform.ask(
        "select pid from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'",
      ),
    ).toHaveLength(2);

    const before = one.client.received.length;
    await cancel(platform, one.key);
    await one.client.until(before + 50);
    expect(one.client.received.subarray(before).toString("latin1")).toContain("57014");
    expect(
      await platform.ask(
        "select pid from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'",
      ),
    ).toHaveLength(1);

    one.client[Symbol.dispose]();
    other.client[Symbol.dispose]();
    await platform.sessions(id, 0);
    await cancel(platform, one.key);
  });

  test(`on ${version}: a flood of cancels does nothing to others, and the cancelled session goes on`, async () => {
    const { token } = await platform.tenant();
    const { client, key } = await session(platform, token);
    const guess = () => crypto.getRandomValues(new Uint8Array(8));
    await Promise.all(Array.from({ length: 90 }, (_, n) => cancel(platform, n % 3 === 0 ? key : guess())));
    expect((await run(["psql", "-XAtc", "select 1", platform.url(token)])).out).toBe("1\n");
    const before = client.received.length;
    client.send(message("Q", "select 42\0"));
    await client.until(before + 20);
    client[Symbol.dispose]();
  });
}
