import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { DatabaseId } from "@openworkers/core";
import { sql } from "kysely";
import { type TestServer, testServers } from "../testing/test-server.ts";
import { SizeSweeper, type Swept } from "./size-sweeper.ts";
import { TenantServer } from "./tenant-server.ts";
import { makeTenant, openSession, outcome, type PlatformTenant } from "./testing/tenants.ts";

const mebibyte = 2 ** 20;

for (const [name, start] of testServers) {
  describe(`a database's size on ${name}`, () => {
    let postgres: TestServer;
    let server: TenantServer;
    let sweeper: SizeSweeper;
    const tenants = new Map<DatabaseId, PlatformTenant>();
    const seen: Swept[] = [];
    let swept = Promise.withResolvers<void>();

    beforeAll(async () => {
      postgres = await start();
      server = TenantServer.connect(postgres.url);
      await server.prepare();
      sweeper = new SizeSweeper(server, {
        tenant: async (id) => tenants.get(id),
        setFull: async (id, full) => {
          const tenant = tenants.get(id);
          if (tenant !== undefined) tenants.set(id, { ...tenant, full });
        },
        onSweep: (one) => {
          seen.push(one);
          swept.resolve();
          swept = Promise.withResolvers();
        },
        onError: (thrown) => console.error(thrown),
        everyMs: 100,
      });
    });

    afterAll(async () => {
      await sweeper[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    });

    async function tenant(name: string, sizeBytes: number): Promise<PlatformTenant> {
      const made = await makeTenant(server, name, { sizeBytes });
      tenants.set(made.id, made);
      return made;
    }

    async function until(id: DatabaseId, did: Swept["did"], from = 0): Promise<Swept> {
      for (;;) {
        const found = seen.slice(from).find((one) => one.tenant === id && one.did === did);
        if (found !== undefined) return found;
        await swept.promise;
      }
    }

    /** The tenant as its row says now. */
    const now = ({ id }: PlatformTenant) => tenants.get(id) ?? expect.unreachable();

    test("ends the sessions of a database that grows too old, for one may keep it from being vacuumed", async () => {
      const mine = await makeTenant(server, "old", {});
      const session = await openSession(server, mine);
      await session.query("create temp table kept as select 1 as one");
      const age = "select age(datfrozenxid) as age from pg_database where datname = current_database()";
      const { rows } = await session.query<{ age: number }>(age);
      for (let count = 0; count < 300; count++) await session.query("select pg_current_xact_id()");
      const sweepOnce = async (oldestTransactions: number) => {
        const aged: DatabaseId[] = [];
        await using once = new SizeSweeper(server, {
          tenant: async () => undefined,
          setFull: async () => {},
          onSweep: ({ tenant, did }) => void (did === "aged" && aged.push(tenant)),
          onError: (thrown) => console.error(thrown),
          oldestTransactions,
          everyMs: 3_600_000,
        });
        await once.sweep();
        return aged;
      };
      expect(await sweepOnce(500_000_000)).not.toContain(mine.id);
      await session.query("select one from kept");
      const ended = new Promise<void>((resolve) => session.once("end", resolve));
      expect(await sweepOnce(Number(rows[0]?.age) + 200)).toContain(mine.id);
      await ended;
    });

    test("above its limit ends what writes, leaves reads and deletes, and below it writes go on", async () => {
      const mine = await tenant("mine", 24 * mebibyte);
      const neighbour = await tenant("neighbour", 24 * mebibyte);
      const writer = await openSession(server, mine);
      await writer.query(`
        create table filler (id serial primary key, a text);
        create materialized view doubled as select 1 as one`);
      // One statement that would go on for ever, within its transaction's time.
      const filling = (async () => {
        for (;;)
          await writer.query(
            "insert into filler (a) select repeat(md5(g::text), 30) from generate_series(1, 2000) g",
          );
      })();
      await expect(filling).rejects.toThrow();
      expect((await until(mine.id, "filled")).bytes).toBeGreaterThan(24 * mebibyte);

      for (const scope of ["owner", "read-write"] as const) {
        await using session = await openSession(server, now(mine), scope);
        expect(await outcome(session, "select count(*) > 1000 from filler")).toBe("[[true]]");
        for (const statement of [
          "insert into filler (a) values ('x')",
          "update filler set a = a",
          "create table more (a int)",
          "create temporary table more (a int)",
          "select lo_from_bytea(0, 'x')",
          "refresh materialized view doubled",
          "drop table filler",
          "create index on filler (a)",
          "select nextval('filler_id_seq')",
        ]) {
          expect([statement, await outcome(session, statement)]).toEqual([statement, "42501"]);
        }
      }
      await using other = await openSession(server, neighbour);
      expect(await outcome(other, "create table fine (a int); insert into fine values (1); table fine")).toBe(
        "[[1]]",
      );

      // Every other row: only a table that is written anew becomes smaller.
      const mark = seen.length;
      const deleting = await openSession(server, now(mine), "read-write");
      await deleting.query("delete from filler where id % 8 <> 0");
      await until(mine.id, "freed", mark);
      await deleting.end();
      await using again = await openSession(server, now(mine), "read-write");
      expect(await outcome(again, "insert into filler (a) values ('x') returning a")).toBe('[["x"]]');
      expect(await outcome(again, "select count(*) > 100 from filler")).toBe("[[true]]");
    });

    test("of others is measured while room is made in a database whose index holds that up", async () => {
      const slow = await tenant("slow", 16 * mebibyte);
      const writer = await openSession(server, slow);
      await writer.query(`
        create function slow(a text) returns text immutable language plpgsql as $$ begin
          if current_setting('application_name') = 'openworkers-vacuum' then perform pg_sleep(3600); end if;
          return a; end $$;
        create table filler (id serial primary key, a text);
        create index on filler (slow(a)) where id < 100`);
      await expect(
        (async () => {
          for (;;)
            await writer.query(
              "insert into filler (a) select repeat(md5(g::text), 30) from generate_series(1, 2000) g",
            );
        })(),
      ).rejects.toThrow();
      await until(slow.id, "filled");
      const deleting = await openSession(server, now(slow), "read-write");
      await deleting.query("delete from filler where id % 8 <> 0");
      await deleting.end();
      const sleeping = sql<{ one: number }>`select 1 as one from pg_stat_activity
        where application_name = 'openworkers-vacuum' and wait_event = 'PgSleep'`;
      while ((await server.read((queries) => sleeping.execute(queries))).rows.length === 0)
        await Bun.sleep(20);
      const other = await tenant("measured", 16 * mebibyte);
      await until(other.id, "measured");
      expect((await server.read((queries) => sleeping.execute(queries))).rows).toEqual([{ one: 1 }]);
    });

    test("that goes on growing with its owner's rights shuts the tenant out for a while", async () => {
      const mine = await tenant("sly", 24 * mebibyte);
      const writer = await openSession(server, mine);
      await writer.query(`
        create table filler (a text); alter table filler alter a set storage external;
        create function grow() returns void language plpgsql security definer as $$ begin
          insert into public.filler select repeat(md5(random()::text || g), 200) from generate_series(1, 5000) g; end $$`);
      const growing = async () => {
        for (;;) {
          const session = await openSession(server, now(mine), "read-write");
          try {
            for (;;) await session.query("select grow()");
          } catch {
            await session.end();
            if (seen.some(({ tenant, did }) => tenant === mine.id && did === "suspended")) return;
          }
        }
      };
      await growing().catch(() => "shut out");
      await until(mine.id, "suspended");
      await expect(openSession(server, now(mine), "read-only")).rejects.toThrow();
      await writer.end();
    });

    test("is back when its suspension is over, and heals what its roles did to themselves", async () => {
      const mine = await tenant("healed", 24 * mebibyte);
      await server.suspend(mine.id, -1_000);
      await until(mine.id, "healed");
      const mark = seen.length;
      const session = await openSession(server, mine, "read-only");
      await session.query("set transaction_read_only = off; alter role current_user password 'mine'");
      await until(mine.id, "healed", mark);
      await using again = await openSession(server, mine, "read-only");
      expect(await outcome(again, "select 1")).toBe("[[1]]");
      await session.end();
    });
  });
}
