import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { isOpenWorkersError } from "@openworkers/core";
import { Database } from "@openworkers/db";
import { sql } from "kysely";
import { tenantNames } from "../tenant.ts";
import { type TestServer, testServers } from "../testing/test-server.ts";
import { run } from "./statements.ts";
import { TenantServer } from "./tenant-server.ts";
import { errorCode, makeTenant, newTenant, openSession, outcome } from "./testing/tenants.ts";

const scopes = ["owner", "read-write", "read-only"] as const;

for (const [name, start] of testServers) {
  describe(`the tenants' server, ${name}`, () => {
    let postgres: TestServer;
    let server: TenantServer;

    beforeAll(async () => {
      postgres = await start();
      server = TenantServer.connect(postgres.url);
    });

    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    });

    test("is prepared by many at once, once", async () => {
      await using another = TenantServer.connect(postgres.url);
      const reports = await Promise.all([server.prepare(), another.prepare(), server.prepare()]);
      expect(reports.map(({ changed }) => changed).sort()).toEqual([false, false, true]);
      const again = await Promise.all(
        Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? server : another).prepare()),
      );
      expect(again.some(({ changed }) => changed)).toBe(false);
    });

    test("says which of its databases are open to all", async () => {
      await server.read((queries) => sql`create database elsewhere`.execute(queries));
      expect((await server.prepare()).warnings.join()).toContain("elsewhere");
      await server.read((queries) => sql`revoke connect on database elsewhere from public`.execute(queries));
      expect((await server.prepare()).warnings.join()).not.toContain("elsewhere");
    });

    test("makes a database whose roles do what their scope says, in schemas and tables to come, too", async () => {
      const tenant = await makeTenant(server, "scopes");
      await using owner = await openSession(server, tenant);
      await owner.query(`
        create schema app;
        create table app.rows (id int generated always as identity primary key, a int);
        insert into app.rows (a) values (1), (2)`);
      const statements = [
        ["select count(*)::int from app.rows", "[[2]]", "[[2]]", "[[2]]", "[[2]]"],
        ["insert into app.rows (a) values (3)", "[]", "[]", "25006", "42501"],
        ["update app.rows set a = a", "[]", "[]", "25006", "42501"],
        ["create table app.more (a int)", "[]", "42501", "25006", "42501"],
        ["create temporary table t (a int)", "[]", "[]", "25006", "42501"],
        ["select lo_create(0) > 0", "[[true]]", "[[true]]", "42501", "42501"],
        ["delete from app.rows where a = 3", "[]", "[]", "25006", "[]"],
        ["truncate app.rows", "[]", "[]", "25006", "[]"],
        ["create extension citext", "[]", "42710", "25006", "42710"],
      ] as const;
      for (const [at, session] of [
        owner,
        await openSession(server, tenant, "read-write"),
        await openSession(server, tenant, "read-only"),
        await openSession(server, { ...tenant, full: true }, "read-write"),
      ].entries()) {
        for (const [statement, ...expected] of statements) {
          expect([at, statement, await outcome(session, statement)]).toEqual([
            at,
            statement,
            expected[at] ?? "",
          ]);
          if (statement.startsWith("truncate") && expected[at] === "[]")
            await owner.query("insert into app.rows (a) values (1), (2)");
        }
        if (session !== owner) await session.end();
      }
    });

    test("makes one that many ask for at once, once, and again without harm", async () => {
      const tenant = newTenant("at once");
      const make = () => server.make(tenant.id, tenant.place.passwords, tenant.limits);
      await Promise.all(Array.from({ length: 12 }, make));
      await using session = await openSession(server, tenant);
      await session.query("create table kept (a int); drop schema if exists nothing");
      await make();
      expect(await outcome(session, "table kept")).toBe("[]");
    });

    test("finishes what a process left half done when it was killed", async () => {
      const tenant = newTenant("killed");
      const password = tenant.place.passwords.owner;
      const passwords = { owner: password, "read-write": password, "read-only": password, reduce: password };
      for (let round = 0; round < 8; round++) {
        const child = Bun.spawn(
          [
            process.execPath,
            join(import.meta.dir, "testing/make-for-ever.ts"),
            postgres.url,
            tenant.id,
            password,
          ],
          { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
        );
        for await (const _ of child.stdout) break;
        // Each round at another line of its work.
        await Bun.sleep(round * 25);
        child.kill("SIGKILL");
        await child.exited;
        await server.make(tenant.id, passwords, tenant.limits);
        for (const scope of scopes) {
          await using session = await openSession(
            server,
            { ...tenant, place: { kind: "platform", passwords } },
            scope,
          );
          expect(await outcome(session, "select 1")).toBe("[[1]]");
        }
        expect((await server.list()).find(({ id }) => id === tenant.id)?.state).toBe("ready");
        await server.drop(tenant.id);
      }
    });

    test("drops one with the sessions on it, and leaves nothing", async () => {
      const tenant = await makeTenant(server, "dropped");
      const session = await openSession(server, tenant);
      await session.query("create table t (a int)");
      await server.drop(tenant.id);
      await server.drop(tenant.id);
      expect(await outcome(session, "table t").catch(() => "ended")).not.toBe("[]");
      expect((await server.list()).some(({ id }) => id === tenant.id)).toBe(false);
      expect(
        isOpenWorkersError(await server.size(tenant.id).catch((thrown: unknown) => thrown), "NOT_FOUND"),
      ).toBe(true);
    });

    test("lists what is left of tenants that nobody may know", async () => {
      const orphan = newTenant("orphan");
      const { database } = tenantNames(orphan.id);
      const state = async () => (await server.list()).find(({ id }) => id === orphan.id)?.state;
      await server.read((queries) => sql.raw(`create role ${database}_ro`).execute(queries));
      expect(await state()).toBe("roles-only");
      await server.read((queries) => sql.raw(`create database ${database}`).execute(queries));
      expect(await state()).toBe("unfinished");
      await server.make(orphan.id, orphan.place.passwords, orphan.limits);
      expect(await state()).toBe("ready");
      await server.drop(orphan.id);
      expect(await state()).toBe(undefined);
    });

    test("puts up the fences again in a database that came from another server, and keeps its rows", async () => {
      const tenant = await makeTenant(server, "moved");
      const { database } = tenantNames(tenant.id);
      await using session = await openSession(server, tenant);
      await session.query("create table kept as select 1 as a");
      await server.read((queries) =>
        sql.raw(`comment on database ${database} is 'fences of elsewhere'`).execute(queries),
      );
      await server.make(tenant.id, tenant.place.passwords, tenant.limits);
      expect(await outcome(session, "table kept")).toBe("[[1]]");
      expect((await server.list()).find(({ id }) => id === tenant.id)?.state).toBe("ready");
    });

    test("brings the fences of a database up to date while it is used", async () => {
      const tenant = await makeTenant(server, "fenced");
      const { database } = tenantNames(tenant.id);
      await using session = await openSession(server, tenant);
      expect(await server.renewFences(tenant.id)).toBe(false);
      await using inside = new Database({ ...postgres.address, database });
      await inside.read((queries) =>
        run(
          queries,
          `set allow_system_table_mods = on; drop function pg_catalog.ow_clean_session();
           comment on database ${database} is 'OpenWorkers: fences 2 of elsewhere'`,
        ),
      );
      expect((await server.list()).find(({ id }) => id === tenant.id)?.state).toBe("unfinished");
      expect(await server.renewFences(tenant.id)).toBe(true);
      expect(await outcome(session, "select pg_catalog.ow_clean_session() is null")).toBe("[[false]]");
      expect(await server.renewFences(tenant.id)).toBe(false);
      expect((await server.list()).find(({ id }) => id === tenant.id)?.state).toBe("ready");
    });

    test("heals roles that gave themselves another password and settings, and ends their sessions", async () => {
      const tenant = await makeTenant(server, "changed");
      expect(await server.unwell()).toEqual(new Set());
      expect(await server.heal(tenant.id, tenant.place.passwords, tenant.limits)).toBe(false);
      for (const scope of scopes) {
        const thief = await openSession(server, tenant, scope);
        await thief.query(`set transaction_read_only = off;
          alter role current_user password 'stolen';
          alter role current_user set local_preload_libraries = 'nothing';
          alter role current_user in database ${tenantNames(tenant.id).database} set search_path = evil`);
        const refused = await openSession(server, tenant, scope).then(
          () => "let in",
          (thrown: unknown) => errorCode(thrown),
        );
        expect(refused).toBe("28P01");
        expect(await server.unwell()).toEqual(new Set([tenant.id]));
        expect(await server.heal(tenant.id, tenant.place.passwords, tenant.limits)).toBe(true);
        await expect(thief.query("select 1")).rejects.toThrow();
        await using session = await openSession(server, tenant, scope);
        expect(await outcome(session, "show search_path")).toBe('[["\\"$user\\", public"]]');
        expect(await server.unwell()).toEqual(new Set());
      }
    });

    test("lets nobody in while a tenant is suspended, and everybody when it is over", async () => {
      const tenant = await makeTenant(server, "suspended");
      const session = await openSession(server, tenant);
      await server.suspend(tenant.id, 3_600_000);
      await expect(session.query("select 1")).rejects.toThrow();
      const refused = await openSession(server, tenant).catch((thrown: unknown) => errorCode(thrown));
      expect(refused).toBe("28000");
      expect(await server.unwell()).toEqual(new Set());
      await server.suspend(tenant.id, -1_000);
      expect(await server.unwell()).toEqual(new Set([tenant.id]));
      await server.heal(tenant.id, tenant.place.passwords, tenant.limits);
      await using again = await openSession(server, tenant);
      expect(await outcome(again, "select 1")).toBe("[[1]]");
    });

    test("lets in as many sessions as the limit says, and the neighbour nevertheless", async () => {
      const tenant = await makeTenant(server, "crowd", { connections: 3 });
      const neighbour = await makeTenant(server, "neighbour");
      const opened = await Promise.allSettled(
        Array.from({ length: 40 }, (_, at) => openSession(server, tenant, scopes[at % 3] ?? "owner")),
      );
      const sessions = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      // Two more than the limit, for those that have ended and are not gone yet; those that are turned away count until
      // they are gone, too.
      expect(sessions.length).toBeGreaterThan(0);
      expect(sessions.length).toBeLessThanOrEqual(5);
      for (const one of opened) if (one.status === "rejected") expect(errorCode(one.reason)).toBe("53300");
      await using session = await openSession(server, neighbour);
      expect(await outcome(session, "select 1")).toBe("[[1]]");
      await server.applyLimits(tenant.id, { ...tenant.limits, connections: 4 });
      await using more = await openSession(server, tenant);
      expect(await outcome(more, "select 1")).toBe("[[1]]");
      await Promise.all(sessions.map((one) => one.end()));
    });

    describe("forks a database", () => {
      test("with its rows and rights, and the source goes on", async () => {
        const source = await makeTenant(server, "source");
        const owner = await openSession(server, source);
        const { roles } = tenantNames(source.id);
        await owner.query(`
          create table open (a int); insert into open values (1);
          create table closed (a int); revoke all on closed from ${roles["read-only"]};
          create table policed (a int); insert into policed values (1), (2);
          alter table policed enable row level security;
          create policy p on policed to ${roles["read-only"]} using (a = 1);
          create table columns (a int, b int); revoke all on columns from ${roles["read-only"]};
          grant select (a) on columns to ${roles["read-only"]};
          create function secret() returns int language sql as 'select 1'; revoke all on function secret() from public;
          create extension citext;
          select lo_from_bytea(4711, 'large')`);
        const copy = newTenant("copy");
        await server.fork(source.id, copy.id, copy.place.passwords, copy.limits);
        await expect(owner.query("select 1")).rejects.toThrow();

        await using reader = await openSession(server, copy, "read-only");
        expect(await outcome(reader, "table open")).toBe("[[1]]");
        expect(await outcome(reader, "table closed")).toBe("42501");
        expect(await outcome(reader, "table policed")).toBe("[[1]]");
        expect(await outcome(reader, "select a from columns")).toBe("[]");
        expect(await outcome(reader, "select b from columns")).toBe("42501");
        expect(await outcome(reader, "select secret()")).toBe("42501");
        await using writer = await openSession(server, copy, "read-write");
        expect(await outcome(writer, "insert into open values (2)")).toBe("[]");
        await using mine = await openSession(server, copy);
        await mine.query("create table later (a int); drop table closed; alter table open add column b int");
        expect(await outcome(reader, "table later")).toBe("[]");
        expect(await outcome(mine, "select lo_get(4711)::text")).toBe(
          `[["\\\\x${Buffer.from("large").toString("hex")}"]]`,
        );
        // Nothing in the copy speaks of the source, nor can who owns it.
        const rights = `select string_agg(x, ' ') from (
          select relacl::text x from pg_class union all select proacl::text from pg_proc union all select nspacl::text from pg_namespace
          union all select defaclacl::text from pg_default_acl union all select initprivs::text from pg_init_privs
          union all select pg_get_userbyid(relowner) from pg_class union all select pg_get_userbyid(defaclrole) from pg_default_acl) rights`;
        expect(await outcome(mine, rights)).not.toContain(tenantNames(source.id).database);
        const source2 = await openSession(server, source);
        expect(await outcome(source2, "table open")).toBe("[[1]]");
        await source2.end();
        // No role of the source is needed any more.
        await server.drop(source.id);
        expect(await outcome(reader, "select a from open order by a")).toBe("[[1],[2]]");
        await server.drop(copy.id);
        expect((await server.list()).some(({ id }) => id === copy.id || id === source.id)).toBe(false);
      });

      test("while its clients come back as fast as they can", async () => {
        const source = await makeTenant(server, "busy");
        await using first = await openSession(server, source);
        await first.query("create table t as select 1 as a");
        let over = false;
        const busy = Array.from({ length: 4 }, async () => {
          while (!over) {
            try {
              await using session = await openSession(server, source);
              await session.query("select pg_sleep(0.01)");
            } catch {
              // turned away while the copy is made
            }
          }
        });
        const copy = newTenant("of the busy");
        await server.fork(source.id, copy.id, copy.place.passwords, copy.limits);
        over = true;
        await Promise.all(busy);
        await using session = await openSession(server, copy);
        expect(await outcome(session, "table t")).toBe("[[1]]");
      });

      test("that is not there: not at all, and leaves nothing", async () => {
        const [nothing, copy] = [newTenant("nothing"), newTenant("copy of nothing")];
        const thrown = await server
          .fork(nothing.id, copy.id, copy.place.passwords, copy.limits)
          .catch((reason: unknown) => reason);
        expect(isOpenWorkersError(thrown, "NOT_FOUND")).toBe(true);
        await server.drop(copy.id);
        await using session = await openSession(server, await makeTenant(server, "after"));
        expect(await outcome(session, "select 1")).toBe("[[1]]");
      });
    });
  });
}

test("a server that lets us in with less than all rights is refused, in words", async () => {
  const [, start] = testServers[0] ?? [];
  await using postgres = await start?.();
  if (postgres === undefined) throw new Error("there is no server");
  await using server = TenantServer.connect(postgres.url);
  await server.read((queries) =>
    sql`create role small login createdb createrole password 'x'`.execute(queries),
  );
  await using small = new TenantServer({ ...server.address, user: "small", password: "x" });
  const thrown = await small.prepare().catch((reason: unknown) => reason);
  expect(isOpenWorkersError(thrown, "CONFIG_INVALID")).toBe(true);
});
