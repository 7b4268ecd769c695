import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { defaultDatabaseLimits } from "@openworkers/core";
import { tenantNames } from "../tenant.ts";
import { TenantServer } from "./tenant-server.ts";
import { type TestServer, testServers } from "./testing/servers.ts";
import { makeTenant, openSession, outcome } from "./testing/tenants.ts";
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

    test("by a session that hears no end, is shut out, and said so once", async () => {
      const tenant = await makeTenant(server, "deaf");
      const bites: Bite[] = [];
      const bitten = Promise.withResolvers<void>();
      const tight = { ...defaultDatabaseLimits, statementMs: 200 };
      await using _ = await Watchdog.start(server, {
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
        `set statement_timeout = 0; select path(polygon(6000, circle '<(0,0),1>'))
           <-> path(polygon(6000, circle '<(5,5),1>'))`,
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

      await deaf;
    });
  });
}
