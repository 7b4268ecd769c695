import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sql } from "kysely";
import { Client } from "pg";
import { tenantNames } from "../tenant.ts";
import { type TestServer, testServers } from "../testing/test-server.ts";
import { TenantServer } from "./tenant-server.ts";
import { refused, refusedByScope } from "./testing/break-outs.ts";
import {
  errorCode,
  makeTenant,
  openSession,
  outcome,
  type PlatformTenant,
  type Session,
} from "./testing/tenants.ts";

for (const [name, start] of testServers) {
  describe(`a hostile tenant on ${name}`, () => {
    let postgres: TestServer;
    let server: TenantServer;
    let me: PlatformTenant;
    let other: PlatformTenant;
    let mine: Session;
    let theirs: Session;
    let names: Readonly<Record<string, string>>;

    beforeAll(async () => {
      postgres = await start();
      server = TenantServer.connect(postgres.url);
      await server.prepare();
      [me, other] = await Promise.all([makeTenant(server, "me"), makeTenant(server, "zebra-app")]);
      theirs = await openSession(server, other);
      await theirs.query(`
        create table zebras (zebra_column int primary key);
        insert into zebras values (42);
        create function zebra_function() returns text language sql as 'select ''zebra-body''';
        alter role current_user set application_name = 'zebra-setting';
        listen zebra_channel;
        select pg_advisory_lock(4711);
        prepare zebra_statement as select 42`);
      mine = await openSession(server, me);
      await mine.query("create table own (a int); insert into own values (1); create sequence own_sequence");
      const pids = await server.read((queries) =>
        sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(queries),
      );
      names = {
        admin: server.address.user,
        other: tenantNames(other.id).database,
        me: tenantNames(me.id).database,
        otherPid: await outcome(theirs, "select pg_backend_pid()"),
        adminPid: String(pids.rows[0]?.pid),
      };
    });

    afterAll(async () => {
      await mine.end();
      await theirs.end();
      await server[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    });

    const filled = (statements: string) =>
      statements.replace(/\{(\w+)\}/g, (_, name: string) => (names[name] ?? name).replace(/[[\]]/g, ""));

    async function unharmed(): Promise<void> {
      expect(await outcome(theirs, "table zebras")).toBe("[[42]]");
      expect(await outcome(theirs, "select zebra_function()")).toBe('[["zebra-body"]]');
      await using fresh = await openSession(server, other, "read-only");
      expect(await outcome(fresh, "table zebras")).toBe("[[42]]");
    }

    test.each(refused)("is refused %s", async (_, statements, ...allowed) => {
      for (const scope of ["owner", "read-write", "read-only"] as const) {
        await using session = await openSession(server, me, scope);
        const got = await outcome(session, filled(statements));
        // What it takes to try may be refused already: a temporary table, a function.
        const expected = scope === "owner" ? allowed : [...allowed, "42501", "25006", "[[false]]"];
        expect(expected).toContain(got);
      }
      await unharmed();
    });

    for (const scope of ["read-write", "read-only"] as const) {
      test.each(refusedByScope[scope])(
        `is refused, with the scope ${scope}: %s`,
        async (statements, sqlstate) => {
          await using session = await openSession(server, me, scope);
          expect(await outcome(session, filled(statements))).toBe(sqlstate);
          await unharmed();
        },
      );
    }

    test("reads nothing of a neighbour's in any catalog or view", async () => {
      const relations = await mine.query<{ name: string }>(`
        select c.oid::regclass::text as name from pg_class c
        where c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and c.relkind in ('r', 'v')`);
      expect(relations.rows.length).toBeGreaterThan(150);
      let read = 0;
      for (const { name } of relations.rows) {
        const seen = await outcome(mine, `select seen::text from ${name} seen`);
        if (/^\w{5}$/.test(seen)) expect([name, seen]).toEqual([name, "42501"]);
        else read += 1;
        expect([name, seen.includes("zebra")]).toEqual([name, false]);
      }
      expect(read).toBeGreaterThan(120);
    });

    test("reads nothing of a neighbour's from any function that takes no argument", async () => {
      const functions = await mine.query<{ name: string }>(`
        select format('%I.%I', pronamespace::regnamespace, proname) as name from pg_proc
        where pronargs = 0 and prokind = 'f' and pronamespace = 'pg_catalog'::regnamespace
          and prorettype not in (select oid from pg_type where typtype = 'p' and typname <> 'record')
          and has_function_privilege(oid, 'execute')`);
      expect(functions.rows.length).toBeGreaterThan(40);
      for (const { name } of functions.rows) {
        await using session = await openSession(server, me);
        expect([
          name,
          (await outcome(session, `select seen::text from ${name}() seen`)).includes("zebra"),
        ]).toEqual([name, false]);
      }
      await unharmed();
    });

    test("sees its own sessions in pg_stat_activity and pg_locks, and no other", async () => {
      const seen = await mine.query<{ datname: string; usename: string }>(
        "select distinct datname, usename from pg_stat_activity",
      );
      expect(seen.rows).toEqual([{ datname: names.me ?? "", usename: names.me ?? "" }]);
      const locks = "select count(*)::int from pg_locks where locktype = 'advisory'";
      expect(await outcome(mine, locks)).toBe("[[0]]");
      expect(await outcome(theirs, locks)).toBe("[[1]]");
    });

    test("hears nothing that a neighbour says, and is not heard", async () => {
      await using listener = await openSession(server, me);
      const heard: string[] = [];
      listener.on("notification", ({ payload }) => heard.push(payload ?? ""));
      await listener.query("listen zebra_channel");
      await theirs.query("notify zebra_channel, 'secret'");
      const own = new Promise((resolve) => listener.once("notification", resolve));
      await mine.query("notify zebra_channel, 'mine'");
      await own;
      expect(heard).toEqual(["mine"]);
    });

    test("has advisory locks of its own", async () => {
      expect(await outcome(mine, "select pg_try_advisory_lock(4711)")).toBe("[[true]]");
      expect(await outcome(mine, "select pg_advisory_unlock(4711)")).toBe("[[true]]");
      expect(await outcome(theirs, "select count(*)::int from pg_locks where locktype = 'advisory'")).toBe(
        "[[1]]",
      );
    });

    test("that logs in as itself elsewhere is let into no other database", async () => {
      for (const database of [names.other ?? "", "postgres", "template1", "ow_tenants"]) {
        for (const role of ["owner", "read-write", "read-only", "reduce"] as const) {
          const { host, port } = server.address;
          const user = tenantNames(me.id).roles[role];
          const client = new Client({ host, port, database, user, password: me.place.passwords[role] });
          client.on("error", () => {});
          const refusal = client.connect().then(
            () => "let in",
            (thrown: unknown) => errorCode(thrown),
          );
          // Not the privilege to connect, or no connections to it at all.
          expect(["42501", "55000"]).toContain(await refusal);
          await client.end();
        }
      }
    });

    test("makes operators, casts and functions that shadow, and nobody but itself meets them", async () => {
      await mine.query(`
        create schema shadow;
        create function shadow.count(bigint) returns text language sql as 'select ''shadowed''';
        create function public.pg_advisory_lock(bigint) returns text language plpgsql as $$ begin execute 'alter role current_user superuser'; return 'x'; end $$;
        create function shadow.eq(name, name) returns boolean language sql as 'select true';
        create operator shadow.= (leftarg = name, rightarg = name, function = shadow.eq);
        create function shadow.current_database() returns name language plpgsql security definer as $$ begin execute 'alter role ' || session_user || ' superuser'; return 'x'; end $$;
        alter role current_user set search_path = shadow, public, pg_catalog`);
      // All that the platform ever runs inside a tenant's database.
      await server.heal(me.id, me.place.passwords, me.limits);
      await server.applyLimits(me.id, me.limits);
      await server.make(me.id, me.place.passwords, me.limits);
      const { id, place, limits } = await makeTenant(server, "copy").then(async (made) => {
        await server.drop(made.id);
        return made;
      });
      await server.fork(me.id, id, place.passwords, limits);
      mine = await openSession(server, me);
      expect(await outcome(mine, "select rolsuper from pg_roles where rolname = session_user")).toBe(
        "[[false]]",
      );
      expect(await outcome(mine, "show search_path")).toBe('[["\\"$user\\", public"]]');
      await unharmed();
    });

    test("that owns schemas may do with them what it likes, and has them back", async () => {
      await using session = await openSession(server, me);
      expect(await outcome(session, "grant all on all tables in schema public to public; select 1")).toBe(
        "[[1]]",
      );
      expect(
        await outcome(
          session,
          "drop schema public cascade; create schema public; create table own (a int); table own",
        ),
      ).toBe("[]");
      await server.make(me.id, me.place.passwords, me.limits);
      await unharmed();
    });
  });
}
