import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { databaseMeasured, deleteResource } from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import { Client } from "pg";
import postgres from "postgres";
import { TenantServer } from "../tenants/tenant-server.ts";
import { TestPlatform, tenantsServers } from "./testing/platform.ts";
import { codes, packet, RawClient } from "./testing/raw-client.ts";

const parts = new AsyncDisposableStack();
const [server] = await tenantsServers(parts);
if (server === undefined) throw new Error("no PostgreSQL");
const platform = parts.use(await TestPlatform.start(server, { limits: { perCell: 8 } }));
afterAll(() => parts.disposeAsync());

/** A directory with a socket in it, called as libpq calls it. */
function place(): { host: string; path: string } {
  const host = temporaryDirectory();
  return { host, path: join(host, ".s.PGSQL.5432") };
}

const anybody = { user: "made-up", password: "whatever", database: "any" };

test("drivers in a cell connect as anybody, and speak to the database that the socket is for", async () => {
  const [one, other] = [await platform.tenant(), await platform.tenant()];
  const [place1, place2] = [place(), place()];
  await using _one = platform.face.listenFor(one.id, place1.path, { worker: "shop" });
  await using _other = platform.face.listenFor(other.id, place2.path, { worker: "blog" });
  const client = new Client({ host: place1.host, ...anybody });
  await client.connect();
  await client.query("create table mine (a int)");
  await client.end();
  const ask = async (host: string) => {
    const sql = postgres({ host, path: join(host, ".s.PGSQL.5432"), ...anybody, max: 1 });
    const rows = await sql`select tablename from pg_tables where schemaname = 'public'`;
    await sql.end();
    return rows.map(({ tablename }) => tablename);
  };
  expect(await ask(place1.host)).toEqual(["mine"]);
  expect(await ask(place2.host)).toEqual([]);
});

test("TLS is declined on a cell's socket: there is nothing in between", async () => {
  const { id } = await platform.tenant();
  const { path } = place();
  await using _ = platform.face.listenFor(id, path, { worker: "shop" });
  using client = await RawClient.connect({ unix: path });
  client.send(packet(codes.ssl));
  expect((await client.until(1)).toString()).toBe("N");
});

test("the end of a cell ends its sessions, and its socket takes no more", async () => {
  const { id } = await platform.tenant();
  const { host, path } = place();
  const listening = platform.face.listenFor(id, path, { worker: "shop" });
  const client = new Client({ host, ...anybody });
  const ended = new Promise<Error>((resolve) => client.on("error", resolve));
  await client.connect();
  await platform.sessions(id, 1);
  await listening[Symbol.asyncDispose]();
  expect(await ended).toMatchObject({ code: "57P01" });
  await platform.sessions(id, 0);
  expect(new Client({ host, ...anybody }).connect()).rejects.toThrow();
});

test("deleting the database ends the sessions of workers that are bound to it", async () => {
  const { id, name } = await platform.tenant();
  const { host, path } = place();
  await using _ = platform.face.listenFor(id, path, { worker: "shop" });
  const client = new Client({ host, ...anybody });
  const ended = new Promise<Error>((resolve) => client.on("error", resolve));
  await client.connect();
  await deleteResource(platform.database, "database", { nameOrId: name, by: platform.by });
  expect(await ended).toMatchObject({ code: "57P01" });
  await platform.sessions(id, 0);
  expect(new Client({ host, ...anybody }).connect()).rejects.toMatchObject({ code: "3D000" });
});

test("a driver in a cell is told that its database is suspended, in PostgreSQL's way", async () => {
  const { id } = await platform.tenant();
  const { host, path } = place();
  await using _ = platform.face.listenFor(id, path, { worker: "shop" });
  await platform.directory.tenant(id);
  await using tenants = new TenantServer(platform.server.address);
  await tenants.suspend(id, 600_000);
  const refused = { code: "57P03", message: "the database is suspended for a while" };
  await expect(new Client({ host, ...anybody }).connect()).rejects.toMatchObject(refused);
  await using sql = Object.assign(postgres({ host, path, ...anybody, max: 1 }), {
    [Symbol.asyncDispose]: () => sql.end(),
  });
  const asked = sql`select 1`.then(() => undefined);
  await expect(asked).rejects.toMatchObject(refused);
});

test("a driver in a cell is told that its database is full, and may delete", async () => {
  const { id } = await platform.tenant();
  const { host, path } = place();
  await using _ = platform.face.listenFor(id, path, { worker: "shop" });
  const connect = async () => {
    const client = new Client({ host, ...anybody });
    const notices: (string | undefined)[] = [];
    client.on("notice", ({ code }) => notices.push(code));
    client.on("error", () => {});
    await client.connect();
    return { client, notices };
  };
  const before = await connect();
  await before.client.query("create table t (a int); insert into t values (1)");
  expect(before.notices).toEqual([]);
  await before.client.end();
  await databaseMeasured(platform.database, id, { sizeBytes: 2 ** 31, full: true });
  platform.directory.forget(id);
  const { client, notices } = await connect();
  expect(notices).toEqual(["53100"]);
  await expect(client.query("insert into t values (2)")).rejects.toMatchObject({ code: "42501" });
  expect((await client.query("delete from t")).rowCount).toBe(1);
  await client.end();
});

test("a cell that opens connections without end is bounded, and others are not affected", async () => {
  const [greedy, other] = [await platform.tenant(), await platform.tenant()];
  const [place1, place2] = [place(), place()];
  await using _greedy = platform.face.listenFor(greedy.id, place1.path, { worker: "greedy" });
  await using _other = platform.face.listenFor(other.id, place2.path, { worker: "other" });
  const clients = await Promise.all(
    Array.from({ length: 60 }, () => RawClient.connect({ unix: place1.path })),
  );
  try {
    await Promise.all(clients.slice(8).map(({ closed }) => closed));
    const client = new Client({ host: place2.host, ...anybody });
    await client.connect();
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});
