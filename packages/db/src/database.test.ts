import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { isOpenWorkersError } from "@openworkers/core";
import { signalProcess } from "@openworkers/core/host";
import { sql } from "kysely";
import { connect } from "./database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded/embedded-postgres.ts";
import { temporaryCluster, temporaryDirectory, withTestDatabase } from "./testing.ts";

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it was not rejected");
    },
    (thrown: unknown) => thrown,
  );
}

describe("a database that is there", () => {
  test("runs what a transaction does as one, or not at all", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    await database.write((transaction) => sql`create table counters (value bigint)`.execute(transaction));
    const failed = database.write(async (transaction) => {
      await sql`insert into counters values (1)`.execute(transaction);
      throw new Error("changed my mind");
    });
    expect(await rejection(failed)).toEqual(new Error("changed my mind"));
    const { rows } = await database.read((queries) => sql`select * from counters`.execute(queries));
    expect(rows).toEqual([]);
  });

  test("gives bigints as numbers, and refuses one that no number holds", async () => {
    await using fixture = await withTestDatabase();
    const read = (text: string) =>
      fixture.database.read((queries) =>
        sql<{ n: number }>`select ${sql.lit(text)}::bigint as n`.execute(queries),
      );
    expect((await read("9007199254740991")).rows).toEqual([{ n: 9_007_199_254_740_991 }]);
    expect(await rejection(read("9007199254740993"))).toBeInstanceOf(RangeError);
  });

  test("runs a transaction again that lost to a deadlock", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    await database.write((transaction) =>
      sql`create table pair as select * from (values (1, 0), (2, 0)) as rows (id, hits)`.execute(transaction),
    );
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const hit = async (mine: 0 | 1) =>
      database.write(async (transaction) => {
        await sql`update pair set hits = hits + 1 where id = ${mine + 1}`.execute(transaction);
        both[mine].resolve();
        await both[1 - mine]?.promise;
        await sql`update pair set hits = hits + 1 where id = ${2 - mine}`.execute(transaction);
      });
    await Promise.all([hit(0), hit(1)]);
    const { rows } = await database.read((queries) => sql`select hits from pair`.execute(queries));
    expect(rows).toEqual([{ hits: 2 }, { hits: 2 }]);
  });

  test("a snapshot sees one moment and may change nothing", async () => {
    await using fixture = await withTestDatabase();
    const { database } = fixture;
    await database.write((transaction) =>
      sql`create table notes as select 'first' as note`.execute(transaction),
    );
    const notes = await database.snapshot(async (queries) => {
      await sql`select * from notes`.execute(queries);
      await database.write((transaction) => sql`insert into notes values ('second')`.execute(transaction));
      return (await sql`select note from notes`.execute(queries)).rows;
    });
    expect(notes).toEqual([{ note: "first" }]);
    const change = database.snapshot((queries) => sql`delete from notes`.execute(queries));
    expect(await rejection(change)).toMatchObject({ code: "25006" });
  });

  test("lets one at a time work under a key", async () => {
    await using fixture = await withTestDatabase();
    const events: string[] = [];
    const work = (name: string) =>
      fixture.database.exclusively(1, async () => {
        events.push(`${name} begins`);
        await fixture.database.ping();
        events.push(`${name} ends`);
      });
    await Promise.all([work("a"), work("b")]);
    const [first, , third] = events.map((event) => event[0]);
    expect(events).toEqual([`${first} begins`, `${first} ends`, `${third} begins`, `${third} ends`]);
  });
});

describe("a database that is not there", () => {
  const cases = {
    "nobody listens": "postgres://ow:s3cr3t-pw@127.0.0.1:1/app?sslmode=disable",
    "the socket is missing": "postgres:///app?host=/nonexistent&user=ow&password=s3cr3t-pw",
    "the host has no address": "postgres://ow:s3cr3t-pw@nowhere.invalid/app",
  };
  for (const [why, url] of Object.entries(cases)) {
    test(`is unavailable when ${why}, and its password is told nobody`, async () => {
      await using database = connect(url);
      for (const attempt of [
        database.ping(),
        database.write(async (queries) => sql`select 1`.execute(queries)),
      ]) {
        const thrown = await rejection(attempt);
        expect(isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")).toBe(true);
        expect(Bun.inspect(thrown)).not.toContain("s3cr3t-pw");
      }
    });
  }

  test("is unavailable when it accepts and says nothing", async () => {
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    await using database = connect(`postgres://ow:pw@127.0.0.1:${silent.port}/app?sslmode=disable`, {
      connectTimeoutMs: 200,
    });
    expect(await rejection(database.ping())).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  });

  test("is unavailable when the password is wrong", async () => {
    await using fixture = await withTestDatabase();
    await using database = connect(fixture.url.replace(/password=[^&]+/, "password=wrong-pw"));
    const thrown = await rejection(database.ping());
    expect(thrown).toMatchObject({ code: "DATABASE_UNAVAILABLE", details: { code: "28P01" } });
    expect(Bun.inspect(thrown)).not.toContain("wrong-pw");
  });
});

describe("a database that goes away", () => {
  let server: EmbeddedPostgres;
  beforeAll(async () => {
    server = await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("is unavailable while it is stopped, and serves again without being told", async () => {
    await using database = connect(server.url, { max: 3 });
    await Promise.all([database.ping(), database.ping(), database.ping()]);
    await server.stop();
    expect(await rejection(database.ping())).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    expect(await rejection(database.write((queries) => sql`select 1`.execute(queries)))).toMatchObject({
      code: "DATABASE_UNAVAILABLE",
    });
    await server.start();
    await Promise.all(
      Array.from({ length: 6 }, () => database.write((queries) => sql`select 1`.execute(queries))),
    );
    await Promise.all([database.ping(), database.ping(), database.ping()]);
  });

  test("fails a transaction that it breaks, and leaves the pool whole", async () => {
    await using database = connect(server.url, { max: 2 });
    for (const _ of [1, 2]) {
      const broken = database.write(async (transaction) => {
        await sql`select 1`.execute(transaction);
        const ended = Promise.withResolvers<void>();
        using _handler = server.onExit(() => ended.resolve());
        const { pid } = server;
        if (pid !== undefined) signalProcess(pid, "SIGQUIT");
        await ended.promise;
        await sql`select 2`.execute(transaction);
      });
      expect(await rejection(broken)).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
      await server.start();
      await Promise.all(
        Array.from({ length: 6 }, () => database.write((queries) => sql`select 1`.execute(queries))),
      );
    }
  });

  test("tells its listener that it was away", async () => {
    await using database = connect(server.url);
    const heard: string[] = [];
    let reconnected = Promise.withResolvers<void>();
    let lost = Promise.withResolvers<void>();
    let payload = Promise.withResolvers<string>();
    await using _listener = await database.listen("news", {
      onPayload: (text) => {
        heard.push(text);
        payload.resolve(text);
      },
      onReconnect: () => reconnected.resolve(),
      onLost: () => lost.resolve(),
    });
    const notify = (text: string) =>
      database.read((queries) => sql`select pg_notify('news', ${text})`.execute(queries));
    await notify("one");
    expect(await payload.promise).toBe("one");
    for (const round of ["two", "three"]) {
      await server.stop();
      await lost.promise;
      await server.start();
      await reconnected.promise;
      payload = Promise.withResolvers<string>();
      reconnected = Promise.withResolvers<void>();
      lost = Promise.withResolvers<void>();
      await notify(round);
      expect(await payload.promise).toBe(round);
    }
    expect(heard).toEqual(["one", "two", "three"]);
  });

  test("is given up by its listener when it says nothing any more", async () => {
    await using relay = await relayTo(server.socketDirectory);
    await using database = connect(
      server.url.replace(encodeURIComponent(server.socketDirectory), encodeURIComponent(relay.directory)),
    );
    const lost = Promise.withResolvers<unknown>();
    const reconnected = Promise.withResolvers<void>();
    await using _listener = await database.listen(
      "news",
      {
        onPayload: () => {},
        onReconnect: () => reconnected.resolve(),
        onLost: (error) => lost.resolve(error),
      },
      { heartbeatMs: 50 },
    );
    relay.silence();
    expect(await lost.promise).toEqual(new Error("the connection does not answer"));
    await reconnected.promise;
  });
});

/** A socket in front of PostgreSQL's whose connections can be silenced; later ones speak again. */
async function relayTo(socketDirectory: string) {
  const directory = temporaryDirectory();
  const name = ".s.PGSQL.5432";
  const relays = new Set<{ silent: boolean }>();
  const listener = createServer((client) => {
    const relay = { silent: false };
    relays.add(relay);
    const upstream = createConnection(join(socketDirectory, name));
    client.on("data", (bytes) => relay.silent || upstream.write(bytes));
    upstream.on("data", (bytes) => relay.silent || client.write(bytes));
    client.on("close", () => upstream.destroy()).on("error", () => upstream.destroy());
    upstream.on("close", () => client.destroy()).on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(join(directory, name), resolve));
  return {
    directory,
    silence: () => {
      for (const relay of relays) relay.silent = true;
    },
    [Symbol.asyncDispose]: async () => void listener.close(),
  };
}
