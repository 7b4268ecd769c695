import { afterAll, expect, test } from "bun:test";
import { OpenWorkersError } from "@openworkers/core";
import { deleteResource, revokeDatabaseToken } from "@openworkers/db";
import { Client } from "pg";
import { tenantNames } from "../tenant.ts";
import { TestPlatform, tenantPasswords, tenantsServers } from "./testing/platform.ts";
import { message, RawClient, startup } from "./testing/raw-client.ts";

const parts = new AsyncDisposableStack();
const servers = await tenantsServers(parts);
const platforms = await Promise.all(
  servers.map(async (server) => parts.use(await TestPlatform.start(server))),
);
afterAll(() => parts.disposeAsync());

/** Resolves with the error that ends a connection: PostgreSQL's or Postgate's last words, or that there were none. */
function end(client: Client): Promise<{ code?: string; message: string }> {
  return new Promise((resolve) => {
    client.once("error", resolve);
    client.once("end", () => resolve({ message: "closed without a word" }));
  });
}

/** Resolves when a session runs `query`. */
async function running(platform: TestPlatform, query: string): Promise<void> {
  const sql = "select 1 from pg_stat_activity where state = 'active' and query = $1";
  while ((await platform.ask(sql, [query])).length === 0) await Bun.sleep(10);
}

for (const platform of platforms) {
  const { version } = platform.server;

  test(`on ${version}: revoking a token ends its sessions, idle ones and busy ones, and no others`, async () => {
    const { id, token, tokenName } = await platform.tenant();
    const other = await platform.token(id, "read-write");
    const [idle, busy, kept] = [
      await platform.connect(token),
      await platform.connect(token),
      await platform.connect(other.token),
    ];
    const ends = [end(idle), end(busy)];
    const query = `select pg_sleep(60), 'revoked ${version}'`;
    const slept = busy.query(query).catch((thrown: Error) => thrown.message);
    await running(platform, query);
    await revokeDatabaseToken(platform.database, { databaseId: id, name: tokenName, by: platform.by });
    expect(await ends[0]).toMatchObject({
      code: "57P01",
      message: "access to the database has been withdrawn",
    });
    await ends[1];
    expect(await slept).toBeString();
    await platform.sessions(id, 1);
    expect((await kept.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    expect(platform.connect(token)).rejects.toMatchObject({ code: "28P01" });
    expect(platform.reported).toContainEqual({
      message: "A database session was ended.",
      details: expect.objectContaining({ who: expect.stringContaining(id) }),
    });
  });

  test(`on ${version}: deleting a database ends the sessions on it`, async () => {
    const { id, name, token } = await platform.tenant();
    const client = await platform.connect(token);
    const ended = end(client);
    await deleteResource(platform.database, "database", { nameOrId: name, by: platform.by });
    expect(await ended).toMatchObject({ code: "57P01" });
    await platform.sessions(id, 0);
  });

  test(`on ${version}: a client that vanishes leaves nothing running and no transaction open`, async () => {
    const { id, token } = await platform.tenant();
    const setUp = await platform.connect(token);
    await setUp.query("create table t (a int)");
    await setUp.end();
    const script = "begin; insert into t values (1); select pg_sleep(120)";
    const client = await RawClient.connect(platform);
    client.send(Buffer.concat([startup({ user: "u" }), message("p", `${token}\0`)]));
    await platform.sessions(id, 1);
    client.send(message("Q", `${script}\0`));
    await running(platform, script);
    client[Symbol.dispose]();
    await platform.sessions(id, 0);
    const after = await platform.connect(token);
    expect((await after.query("select a from t")).rows).toEqual([]);
    await after.end();
    await platform.sessions(id, 0);
  });

  test(`on ${version}: a session that PostgreSQL ends is told why, in PostgreSQL's words`, async () => {
    const { token } = await platform.tenant();
    const client = await platform.connect(token);
    const ended = end(client);
    const { rows } = await client.query("select pg_backend_pid() as pid");
    await platform.ask("select pg_terminate_backend($1)", [rows[0].pid]);
    expect(await ended).toMatchObject({
      code: "57P01",
      message: "terminating connection due to administrator command",
    });
  });
}

for (const server of servers) {
  const { version } = server;
  test(`on ${version}: who drains lets transactions end, and cancels those that do not`, async () => {
    await using platform = await TestPlatform.start(server);
    const { id, token } = await platform.tenant();
    const idle = await platform.connect(token);
    const [working, stuck] = [await platform.connect(token), await platform.connect(token)];
    const ends = [idle, working, stuck].map((client) => end(client));
    await working.query("create table t (a int)");
    await working.query("begin; insert into t values (1)");
    await stuck.query("begin; create table u (a int)");
    let drained = false;
    const draining = platform.face.drain(600_000).then(() => {
      drained = true;
    });
    expect(await ends[0]).toMatchObject({ code: "57P01" });
    expect(platform.connect(token)).rejects.toThrow();
    await working.query("insert into t values (2)");
    await working.query("commit");
    expect(await ends[1]).toMatchObject({ code: "57P01" });
    expect(drained).toBe(false);
    await platform.face.drain(1);
    expect(await ends[2]).toMatchObject({ code: "57P01" });
    await draining;
    await platform.sessions(id, 0);
    const { database, roles } = tenantNames(id);
    const { host, port } = server.address;
    const after = new Client({ host, port, database, user: roles.owner, password: tenantPasswords.owner });
    await after.connect();
    expect((await after.query("select a from t order by a")).rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect((await after.query("select to_regclass('u') as u")).rows).toEqual([{ u: null }]);
    await after.end();
  });
}

test("a role whose password was changed is healed once, and the session begins", async () => {
  const [server] = servers;
  if (server === undefined) throw new Error("no PostgreSQL");
  const healed: string[] = [];
  await using platform = await TestPlatform.start(server, {
    healRoles: async (tenant) => {
      healed.push(tenant.id);
      await platform.ask(`alter role ow_${tenant.id.replaceAll("-", "")} password 'owner-secret'`);
      return tenant;
    },
  });
  const { id, token } = await platform.tenant();
  const client = await platform.connect(token);
  await client.query("alter role current_user password 'mine now'");
  await client.end();
  const again = await platform.connect(token);
  expect((await again.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  expect(healed).toEqual([id]);
});

test("a session waits for its place and takes it with it; who leaves while waiting is not served", async () => {
  const [server] = servers;
  if (server === undefined) throw new Error("no PostgreSQL");
  const log: string[] = [];
  const free = Promise.withResolvers<void>();
  let refuse = false;
  await using platform = await TestPlatform.start(server, {
    budget: {
      async enter(_tenant, signal) {
        if (refuse)
          throw new OpenWorkersError("OVERLOADED", "The database has 1 connection, and 100 wait for it.");
        log.push("waits");
        const gone = Promise.withResolvers<never>();
        signal.addEventListener("abort", () => gone.reject(new Error("left")));
        await Promise.race([free.promise, gone.promise]).catch((thrown) => {
          log.push("left");
          throw thrown;
        });
        log.push("entered");
        return { [Symbol.dispose]: () => void log.push("free") };
      },
    },
  });
  const { id, token } = await platform.tenant();
  const impatient = await RawClient.connect(platform);
  impatient.send(Buffer.concat([startup({ user: "u" }), message("p", `${token}\0`)]));
  while (log.length === 0) await Bun.sleep(5);
  impatient[Symbol.dispose]();
  while (log.length === 1) await Bun.sleep(5);
  expect(log).toEqual(["waits", "left"]);

  const connecting = platform.connect(token);
  while (log.length === 2) await Bun.sleep(5);
  await platform.sessions(id, 0);
  free.resolve();
  const client = await connecting;
  await client.end();
  while (log.length < 5) await Bun.sleep(5);
  expect(log.slice(2)).toEqual(["waits", "entered", "free"]);

  refuse = true;
  expect(platform.connect(token)).rejects.toMatchObject({
    code: "53300",
    message: expect.stringContaining("100 wait"),
  });
});

test("a session that says nothing for too long is closed, and one that speaks is not", async () => {
  const [server] = servers;
  if (server === undefined) throw new Error("no PostgreSQL");
  await using platform = await TestPlatform.start(server, { limits: { idleMs: 2_500 } });
  const { token } = await platform.tenant();
  const [silent, speaking] = [await platform.connect(token), await platform.connect(token)];
  let over = false;
  const ended = end(silent).finally(() => {
    over = true;
  });
  while (!over) {
    await speaking.query("select 1");
    await Bun.sleep(50);
  }
  expect(await ended).toMatchObject({ code: "57P05" });
  expect((await speaking.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
});

test("a token that runs out ends its sessions", async () => {
  const [server] = servers;
  if (server === undefined) throw new Error("no PostgreSQL");
  await using platform = await TestPlatform.start(server, { limits: { lookMs: 200 } });
  const { id } = await platform.tenant();
  await platform.directory.tenant(id);
  const { token } = await platform.token(id, "owner", new Date(Date.now() + 1_500));
  const ended = end(await platform.connect(token));
  expect(await ended).toMatchObject({ code: "57P01", message: "access to the database has been withdrawn" });
});

test("when Postgate stops, its sessions are told and none is left", async () => {
  const [server] = servers;
  if (server === undefined) throw new Error("no PostgreSQL");
  await using platform = await TestPlatform.start(server);
  const { id, token } = await platform.tenant();
  const ended = end(await platform.connect(token));
  await platform.face[Symbol.asyncDispose]();
  expect(await ended).toMatchObject({ code: "57P01" });
  await platform.sessions(id, 0);
  expect(platform.face.sessions).toBe(0);
  expect(platform.connect(token)).rejects.toThrow();
});

for (const platform of platforms) {
  test(`on ${platform.server.version}: PostgreSQL restarts: sessions end, what was acknowledged is there, new ones work`, async () => {
    const { token } = await platform.tenant();
    const client = await platform.connect(token);
    await client.query("create table t (a int)");
    await client.query("insert into t values (1)");
    await client.query("begin");
    await client.query("insert into t values (2)");
    const ended = end(client);
    await platform.server.restart();
    await ended;
    const again = await platform.connect(token);
    expect((await again.query("select a from t")).rows).toEqual([{ a: 1 }]);
  });
}
