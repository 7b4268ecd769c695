import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Database } from "@openworkers/db";
import { sql } from "kysely";
import { Client } from "pg";
import { serialize } from "pg-protocol";
import { type TestServer, testServers } from "../testing/mod.ts";
import { resolveCaller } from "./caller.ts";
import { callerClient } from "./testing/caller-database.ts";
import { OpenFace } from "./testing/open-face.ts";
import { ownedDatabase } from "./testing/owned-database.ts";
import { apiKey, rejection, signIn } from "./testing/people.ts";
import { TestPlatform } from "./testing/platform.ts";

let server: TestServer;
let platform: TestPlatform;

beforeAll(async () => {
  const [[, start] = []] = testServers;
  if (start === undefined) throw new Error("there is no server");
  server = await start();
  platform = await TestPlatform.start(await ownedDatabase(server.url, server.address));
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const who = "select caller_id() as id, pg_backend_pid() as pid";

/** The database, of whose notifications nobody hears. */
function unheard(database: Database): Database {
  return new Proxy(database, {
    get(target, name) {
      if (name === "listen") return async () => ({ [Symbol.asyncDispose]: async () => {} });
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Resolves with the error by which a session ends. */
function ended(client: Client): Promise<Error> {
  const { promise, resolve } = Promise.withResolvers<Error>();
  client.on("error", resolve);
  return promise;
}

/** Sends bytes on a connection of their own; resolves when the face has closed it. */
async function send(bytes: Uint8Array): Promise<void> {
  const closed = Promise.withResolvers<void>();
  await Bun.connect({
    unix: `${platform.open.place("api").host}/.s.PGSQL.5432`,
    socket: {
      open: (socket) => void socket.write(bytes),
      data() {},
      end: (socket) => void socket.end(),
      close: () => closed.resolve(),
    },
  });
  await closed.promise;
}

test("who has no good credential has no session", async () => {
  const { database, open, ann } = platform;
  const expired = await apiKey(database, ann, { expiresAt: new Date(Date.now() - 1_000) });
  for (const key of ["", "ow_nobody", expired, ann.name, ann.id, "x".repeat(600), "ä"]) {
    expect([key, await rejection(open.connect({ key }))]).toMatchObject([key, { code: "28P01" }]);
  }
  expect(await rejection(resolveCaller(database, "ow_nobody"))).toMatchObject({ code: "UNAUTHORIZED" });
  expect(await resolveCaller(database, ann.key)).toMatchObject({
    userId: ann.id,
    scopes: ["*"],
    via: "key",
    accountId: null,
  });
  const session = await signIn(database, ann);
  expect(await resolveCaller(database, session)).toMatchObject({
    userId: ann.id,
    scopes: ["*"],
    via: "session",
  });
  // Nothing is held by those who were refused.
  expect(open.face.sessions).toBe(0);
});

test("a key that is revoked and a session that is signed out end what they have at once", async () => {
  const { database, open, ann } = platform;
  const key = await apiKey(database, ann);
  const token = await signIn(database, ann);
  const [one, other, third] = await Promise.all([
    open.connect({ key }),
    open.connect({ key: token }),
    open.connect({ key: ann.key }),
  ]);
  for (const client of [one, other, third]) expect((await client.query(who)).rows[0]?.id).toBe(ann.id);
  const ends = [ended(one), ended(other)];
  await sql`delete from api_keys where prefix = ${key.slice(0, 8)} and name = ${key.slice(0, 20)}`.execute(
    database.kysely,
  );
  expect(await ends[0]).toMatchObject({ code: "28000" });
  await sql`delete from identity.sessions where user_id = ${ann.id}`.execute(database.kysely);
  expect(await ends[1]).toMatchObject({ code: "28000" });
  expect((await third.query(who)).rows[0]?.id).toBe(ann.id);
  for (const credential of [key, token]) {
    expect(await rejection(open.connect({ key: credential }))).toMatchObject({ code: "28P01" });
  }
  await Promise.all([one.end(), other.end(), third.end()]);
});

test("what a credential's end was answered with, holds at once, though nobody has been notified of it yet", async () => {
  const { database, ann } = platform;
  await using deaf = await OpenFace.open(unheard(database));
  const [key, token] = [await apiKey(database, ann), await signIn(database, ann)];
  await Promise.all([deaf.face.resolve(key), deaf.face.resolve(token)]);
  const revoking = await deaf.connect(ann);
  await revoking.query("begin");
  await revoking.query("delete from api_keys where name = $1", [key.slice(0, 20)]);
  expect(await deaf.face.resolve(key)).toMatchObject({ userId: ann.id });
  await revoking.query("commit");
  expect(await rejection(deaf.face.resolve(key))).toMatchObject({ code: "UNAUTHORIZED" });
  await revoking.end();

  const signingOut = new Client({ ...deaf.place("identity"), user: "identity", database: "platform" });
  await signingOut.connect();
  await signingOut.query("delete from identity.sessions where user_id = $1", [ann.id]);
  expect(await rejection(deaf.face.resolve(token))).toMatchObject({ code: "UNAUTHORIZED" });
  await signingOut.end();
});

test("a key that lets do less ends the sessions that could do more", async () => {
  const { database, open, ann } = platform;
  const key = await apiKey(database, ann);
  const client = await open.connect({ key });
  await client.query(who);
  const end = ended(client);
  await sql`update api_keys set scopes = '{kv:read}' where name = ${key.slice(0, 20)}`.execute(
    database.kysely,
  );
  expect(await end).toMatchObject({ code: "28000" });
  await client.end();
});

test("the use of a key is written down", async () => {
  const { database, open, ann } = platform;
  const key = await apiKey(database, ann);
  const used = async () =>
    (
      await sql<{
        at: Date | null;
      }>`select last_used_at as at from api_keys where name = ${key.slice(0, 20)}`.execute(database.kysely)
    ).rows[0]?.at;
  expect(await used()).toBeNull();
  await (await open.connect({ key })).end();
  const first = await used();
  expect(first).toBeInstanceOf(Date);
  await (await open.connect({ key })).end();
  expect(await used()).toEqual(first);
});

test("callers have each other's connections, one after the other", async () => {
  const { open, ann, bob } = platform;
  const seen = new Map<number, Set<string>>();
  for (let turn = 0; turn < 6; turn++) {
    const person = turn % 2 === 0 ? ann : bob;
    const client = await open.connect(person);
    const [row] = (await client.query(who)).rows;
    await client.query("commit");
    await client.end();
    expect(row?.id).toBe(person.id);
    seen.set(row?.pid, (seen.get(row?.pid) ?? new Set()).add(row?.id));
  }
  expect(seen.size).toBeLessThan(6);
});

test("a session begins as its first statement says", async () => {
  const { open, ann } = platform;
  const level = async (first: string) => {
    const client = await open.connect(ann);
    await client.query(first);
    const [row] = (
      await client.query(
        "select current_setting('transaction_isolation') as level, current_setting('transaction_read_only') as ro, caller_id() as id",
      )
    ).rows;
    await client.query("commit");
    await client.end();
    return [row?.level, row?.ro, row?.id];
  };
  expect(await level("begin")).toEqual(["read committed", "off", ann.id]);
  expect(await level("begin isolation level repeatable read")).toEqual(["repeatable read", "off", ann.id]);
  expect(await level("START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY;")).toEqual([
    "serializable",
    "on",
    ann.id,
  ]);
  expect(await level("select 1")).toEqual(["read committed", "off", ann.id]);
  const client = await open.connect(ann);
  // Not of the form: it is no more than a statement.
  await client.query("begin isolation level repeatable read; select 1").catch(() => {});
  expect(await rejection(client.query(who))).toMatchObject({ code: "25P02" });
  await client.end();
});

test("large statements and answers pass whole, several at a time", async () => {
  const { open, ann } = platform;
  const megabytes = 4;
  const text = "ä".repeat((megabytes * 2 ** 20) / 2);
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const client = await open.connect(ann);
      const { rows } = await client.query("select $1::text as text, n from generate_series(1, 2) as n", [
        text,
      ]);
      expect(rows.map((row) => row.text === text)).toEqual([true, true]);
      const many = await client.query(
        "select n, (select caller_id()) as id from generate_series(1, 20000) as n",
      );
      expect(many.rows.at(-1)).toEqual({ n: 20_000, id: ann.id });
      await client.query("commit");
      await client.end();
    }),
  );
});

test("a statement that runs is cancelled when its client leaves or asks for it", async () => {
  const { open, ann, database } = platform;
  const running = async () =>
    (
      await sql<{
        count: number;
      }>`select count(*)::int as count from pg_locks where locktype = 'advisory' and objid = 4711`.execute(
        database.kysely,
      )
    ).rows[0]?.count;
  const client = await open.connect(ann);
  await client.query("select pg_advisory_lock(4711)");
  const sleeping = rejection(client.query("select pg_sleep(9)"));
  // As a crash does.
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  await sleeping;
  while ((await running()) !== 0) await Bun.sleep(10);
  const other = await open.connect(ann);
  const asleep = rejection(other.query("select pg_advisory_xact_lock(4711), pg_sleep(9)"));
  while ((await running()) === 0) await Bun.sleep(10);
  const { processID, secretKey } = other as unknown as { processID: number; secretKey: number };
  await send(serialize.cancel(processID, secretKey));
  expect(await asleep).toMatchObject({ code: "57014" });
  await other.end();
});

test("a session lasts no longer than it may, whatever it sets", async () => {
  const { database, ann } = platform;
  await using open = await OpenFace.open(database, { lifeMs: 500 });
  const client = await open.connect(ann);
  await client.query("set statement_timeout = 0");
  expect(await rejection(client.query("select pg_sleep(60)"))).toBeInstanceOf(Error);
  await client.end();
  const idle = await open.connect(ann);
  const end = ended(idle);
  await idle.query("set idle_in_transaction_session_timeout = 0");
  expect(await end).toMatchObject({ code: "57P05" });
  await idle.end();
});

test("a new key to sign with makes the old one nobody's", async () => {
  await using own = await TestPlatform.start();
  const { database, open, ann } = own;
  await using fresh = await OpenFace.open(database);
  const old = await open.connect(ann);
  expect((await old.query(who)).rows[0]?.id).toBe(ann.id);
  await sql`select renew_caller_key()`.execute(database.kysely);
  expect((await old.query(who)).rows[0]?.id).toBeNull();
  await old.end();
  await using renewed = await OpenFace.open(database);
  for (const [face, id] of [
    [renewed, ann.id],
    // It has read the key before, and does not know better.
    [fresh, null],
  ] as const) {
    const client = await face.connect(ann);
    expect((await client.query(who)).rows[0]?.id ?? null).toBe(id);
    await client.end();
  }
});

test("places are shared: a caller with many waits behind one with few", async () => {
  const { database, ann, bob } = platform;
  await using open = await OpenFace.open(database, { places: 3, perCaller: 2, patienceMs: 60_000 });
  const first = await Promise.all([open.connect(ann), open.connect(ann)]);
  const waiting = [open.connect(ann), open.connect(ann)];
  // Ann has two and wants four; Bob has a place all the same.
  const bobs = await open.connect(bob);
  expect((await bobs.query(who)).rows[0]?.id).toBe(bob.id);
  await bobs.end();
  for (const client of first) await client.end();
  for (const client of await Promise.all(waiting)) await client.end();
  await using full = await OpenFace.open(database, { places: 1, perCaller: 1, patienceMs: 50 });
  const only = await full.connect(ann);
  expect(await rejection(full.connect(bob))).toMatchObject({ code: "53300" });
  await only.end();
});

test("a server that was away is found again, and what waited is not lent", async () => {
  const { open, ann } = platform;
  await (await open.connect(ann)).end();
  await server.kill();
  await server.start();
  for (;;) {
    const client = await open.connect(ann).catch(() => undefined);
    if (client === undefined) continue;
    expect((await client.query(who)).rows[0]?.id).toBe(ann.id);
    await client.end();
    break;
  }
});

test("the face of sign-in has its own tables and nobody else's", async () => {
  const { open } = platform;
  const place = open.place("identity");
  const connect = async (user: string) => {
    const client = new Client({ ...place, user, database: "platform", password: "" });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const client = await connect("identity");
  await client.query("begin");
  await client.query("select from identity.users");
  await client.query("commit");
  // Not one transaction: as many as it likes.
  expect((await client.query("select caller_id from (select 1) as caller_id")).rows).toHaveLength(1);
  for (const statement of [
    "select from users",
    "select from workers",
    "select from api_keys",
    "select from caller_keys",
    "select from environment_values",
    "select sealed from identity.mails",
    "select from identity.setup_links",
    "insert into identity.setup_links (hash, expires_at) values (sha256('x'), now())",
    "update users set is_operator = true",
    "select caller_id()",
    "select resolve_caller('\\x00')",
    "set role ow_api",
    "create table public.mine ()",
    "create temporary table mine ()",
  ]) {
    expect([statement, await rejection(client.query(statement))]).toMatchObject([
      statement,
      { code: "42501" },
    ]);
  }
  await client.end();
  expect(await rejection(connect("caller"))).toMatchObject({ code: "28000" });
  expect(await rejection(callerClient(place, platform.ann.key))).toMatchObject({ code: "28000" });
});

test("garbage at the door is refused, and costs nobody else theirs", async () => {
  const { open, ann } = platform;
  for (const bytes of [
    new Uint8Array([0, 0, 0, 1]),
    new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
    new Uint8Array(20_000),
  ]) {
    await send(bytes);
  }
  await (await open.connect(ann)).end();
});
