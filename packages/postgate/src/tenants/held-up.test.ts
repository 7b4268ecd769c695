import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DatabaseId, defaultDatabaseLimits } from "@openworkers/core";
import { tenantNames } from "../tenant.ts";
import { SizeSweeper } from "./size-sweeper.ts";
import { TenantServer } from "./tenant-server.ts";
import { type TestServer, testServers } from "./testing/servers.ts";
import { makeTenant, openSession, outcome, type PlatformTenant } from "./testing/tenants.ts";
import { type Bite, Watchdog } from "./watchdog.ts";

for (const [name, start] of testServers) {
  describe(`a tenant that would hold up the platform's work on ${name}`, () => {
    let postgres: TestServer;
    let server: TenantServer;

    beforeAll(async () => {
      postgres = await start();
      server = TenantServer.connect(postgres.url);
      await server.prepare();
    });

    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    });

    test("by a change of its role that it does not commit, is healed nevertheless", async () => {
      const tenant = await makeTenant(server, "uncommitted");
      const holder = await openSession(server, tenant);
      await holder.query("begin; alter role current_user password 'held'");
      // Of its role there is something to heal, and the other session holds the row.
      const other = await openSession(server, tenant);
      await other.query(
        `alter role current_user in database ${tenantNames(tenant.id).database} set search_path = evil`,
      );
      expect(await server.heal(tenant.id, tenant.place.passwords, tenant.limits)).toBe(true);
      await expect(holder.query("commit")).rejects.toThrow();
      await using session = await openSession(server, tenant);
      expect(await outcome(session, "select 1")).toBe("[[1]]");
    });

    test("by changing the role of readers, does not end the sessions of those who write", async () => {
      const tenant = await makeTenant(server, "reader");
      await using owner = await openSession(server, tenant);
      await using reader = await openSession(server, tenant, "read-only");
      await reader.query("set transaction_read_only = off; alter role current_user set work_mem = '64kB'");
      expect(await server.heal(tenant.id, tenant.place.passwords, tenant.limits)).toBe(true);
      await expect(reader.query("select 1")).rejects.toThrow();
      expect(await outcome(owner, "select 1")).toBe("[[1]]");
    });

    test("by indexes that take their time, is not waited for by the sweep of the others", async () => {
      const sizeBytes = 12 * 2 ** 20;
      const slow = await makeTenant(server, "slow", { sizeBytes });
      const quick = await makeTenant(server, "quick", { sizeBytes });
      const tenants = new Map<DatabaseId, PlatformTenant>([slow, quick].map((tenant) => [tenant.id, tenant]));
      const filled = new Map([slow, quick].map(({ id }) => [id, Promise.withResolvers<void>()]));
      const failures: unknown[] = [];
      const fill =
        "create table filler as select repeat(md5(g::text), 30) as a from generate_series(1, 9000) g";
      {
        await using session = await openSession(server, slow);
        await session.query(`create table slow (a int);
          create function slow(int) returns int language plpgsql immutable as $$
            begin if current_setting('application_name') <> 'slow' then perform pg_sleep(3600); end if; return $1; end $$;
          create index on slow (slow(a));
          insert into slow select g from generate_series(1, 100) g;
          delete from slow where a < 60; ${fill}`);
      }
      const sweeper = new SizeSweeper(server, {
        tenant: async (id) => tenants.get(id),
        setFull: async (id, full) => {
          const tenant = tenants.get(id);
          if (tenant !== undefined) tenants.set(id, { ...tenant, full });
          filled.get(id)?.resolve();
        },
        onError: (thrown) => failures.push(thrown),
        everyMs: 50,
      });
      await filled.get(slow.id)?.promise;
      // Its tables are being written anew, which does not end.
      const vacuums = "select from pg_stat_activity where application_name = 'openworkers-vacuum'";
      await using owner = await openSession(server, slow);
      while ((await owner.query(vacuums)).rowCount === 0) await Bun.sleep(20);
      {
        await using session = await openSession(server, quick);
        await session.query(fill);
      }
      await filled.get(quick.id)?.promise;
      await owner.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'openworkers-vacuum'",
      );
      await sweeper[Symbol.asyncDispose]();
      expect(failures.length).toBeLessThanOrEqual(1);
    });

    test("by a session that hears no end, is shut out, and said so once", async () => {
      const tenant = await makeTenant(server, "deaf");
      const bites: Bite[] = [];
      const bitten = Promise.withResolvers<void>();
      const tight = { ...defaultDatabaseLimits, statementMs: 200 };
      await using watchdog = await Watchdog.start(server, {
        limits: async () => tight,
        onBite: (bite) => {
          bites.push(bite);
          if (bite.offence === "deaf") bitten.resolve();
        },
        onError: (thrown) => console.error(thrown),
        everyMs: 100,
      });
      const session = await openSession(server, tenant);
      // Compares each point with each, some seconds long, and looks up at no signal.
      const deaf = outcome(
        session,
        `set statement_timeout = 0; select path(polygon(20000, circle '<(0,0),1>'))
           <-> path(polygon(20000, circle '<(5,5),1>'))`,
      ).catch(() => "ended");
      await bitten.promise;
      expect(bites.map(({ offence, action }) => [offence, action])).toEqual([
        ["statement", "cancelled"],
        ["statement", "terminated"],
        ["deaf", "suspended"],
      ]);
      const refused = await openSession(server, tenant).then(
        () => "let in",
        () => "refused",
      );
      expect(refused).toBe("refused");
      void watchdog;
      await deaf;
    });
  });
}
