import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { tenantNames } from "../tenant.ts";
import { type TestServer, testServers } from "../testing/test-server.ts";
import { TenantServer } from "./tenant-server.ts";
import { makeTenant, openSession, outcome } from "./testing/tenants.ts";

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
  });
}
