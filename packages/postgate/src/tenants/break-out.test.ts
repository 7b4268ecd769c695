import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { DatabaseScope } from "@openworkers/core";
import { sql } from "kysely";
import { Client } from "pg";
import { tenantNames } from "../tenant.ts";
import { type TestServer, testServers } from "../testing/test-server.ts";
import { TenantServer } from "./tenant-server.ts";
import {
  errorCode,
  makeTenant,
  openSession,
  outcome,
  type PlatformTenant,
  type Session,
} from "./testing/tenants.ts";

/** What is refused to every role, be it the owner, and with which SQLSTATE. */
const refused: readonly (readonly [name: string, statements: string, ...sqlstates: string[]])[] = [
  // to be somebody else
  ["SET ROLE to the superuser", "set role {admin}", "42501"],
  ["SET ROLE to the neighbour", "set role {other}", "42501"],
  ["SET SESSION AUTHORIZATION", "set session authorization {admin}", "42501"],
  [
    "RESET SESSION AUTHORIZATION, then a superuser's work",
    "reset session authorization; select * from pg_authid",
    "42501",
  ],
  ["a role by set_config", "select set_config('role', '{admin}', false)", "42501"],
  [
    "a role by a function's SET",
    "create function r() returns int language sql set role = {other} as 'select 1'; select r()",
    "42501",
  ],
  ["making a role", "create role intruder superuser login", "42501"],
  ["making itself a superuser", "alter role current_user superuser", "42501"],
  ["ALTER ROLE CURRENT_USER CONNECTION LIMIT", "alter role current_user connection limit 1000", "42501"],
  ["ALTER ROLE CURRENT_USER VALID UNTIL", "alter role current_user valid until '1999-01-01'", "42501"],
  ["the neighbour's password", "alter role {other} password 'x'", "42501"],
  ["settings for the neighbour", "alter role {other} set work_mem = '1GB'", "42501"],
  ["settings for everybody", "alter role all set search_path = evil", "42501"],
  ["dropping the neighbour's role", "drop role {other}", "42501"],
  ["being given the neighbour's role", "grant {other} to current_user", "42501", "0LP01"],
  ["being given a predefined role", "grant pg_read_server_files to current_user", "42501"],
  ["what the neighbour owns", "reassign owned by {other} to current_user", "42501"],
  ["dropping what the superuser owns", "drop owned by {admin}", "42501"],
  ["becoming the owner of the catalog", "alter table pg_catalog.pg_class owner to current_user", "42501"],
  ["a comment on a role", "comment on role {me} is 'x'", "42501"],

  // other databases, and this one as a whole
  ["the neighbour's database by name", "select * from {other}.public.zebras", "0A000"],
  ["making a database", "create database intruder", "42501"],
  ["copying the neighbour's database", "create database intruder template {other}", "42501"],
  ["dropping the neighbour's database", "drop database {other}", "42501"],
  [
    "opening a database to all",
    "grant connect on database {me} to public; select has_database_privilege('{other}', '{me}', 'connect') or pg_catalog.pg_sleep(0) is null",
    "[[false]]",
  ],
  ["ALTER DATABASE … OWNER", "alter database {me} owner to {other}", "42501"],
  ["ALTER DATABASE … RENAME", "alter database {me} rename to mine", "42501"],
  ["ALTER DATABASE … CONNECTION LIMIT", "alter database {me} connection limit 1000", "42501"],
  ["ALTER DATABASE … SET", "alter database {me} set temp_file_limit = -1", "42501"],
  ["ALTER DATABASE … SET of what anybody may set", "alter database {me} set work_mem = '1GB'", "42501"],
  ["DROP DATABASE of its own", "drop database {me}", "42501", "55006"],
  ["a comment on a database, which all would read", "comment on database {me} is 'x'", "42501"],
  ["the size of the neighbour's database", "select pg_database_size('{other}')", "42501"],

  // files, programs, other servers
  ["pg_read_file", "select pg_read_file('PG_VERSION')", "42501"],
  ["pg_read_binary_file", "select pg_read_binary_file('PG_VERSION')", "42501"],
  ["pg_ls_dir", "select pg_ls_dir('.')", "42501"],
  ["pg_stat_file", "select pg_stat_file('PG_VERSION')", "42501"],
  ["pg_ls_logdir", "select pg_ls_logdir()", "42501"],
  ["pg_ls_waldir", "select pg_ls_waldir()", "42501"],
  ["pg_current_logfile", "select pg_current_logfile()", "42501"],
  ["lo_import", "select lo_import('/etc/passwd')", "42501"],
  ["lo_export", "select lo_export(1, '/tmp/x')", "42501"],
  ["COPY FROM a file", "create temp table t (l text); copy t from '/etc/passwd'", "42501"],
  ["COPY TO a file", "copy (select 1) to '/tmp/x'", "42501"],
  ["COPY TO PROGRAM", "copy (select 1) to program 'id'", "42501"],
  ["COPY FROM PROGRAM", "create temp table t (l text); copy t from program 'id'", "42501"],
  ["any number of files by pg_export_snapshot", "select pg_export_snapshot()", "42501"],
  ["the address of the server", "select inet_server_addr()", "42501"],
  ["the place of a table space", "select pg_tablespace_location(oid) from pg_tablespace", "42501"],
  ["data_directory", "show data_directory", "42501"],
  ["hba_file", "select current_setting('hba_file')", "42501"],
  ["pg_hba_file_rules", "select * from pg_hba_file_rules", "42501"],
  ["pg_file_settings", "select * from pg_file_settings", "42501"],
  ["pg_config", "select * from pg_config", "42501"],
  ["CREATE TABLESPACE", "create tablespace t location '/tmp'", "42501", "25001"],
  ["dblink", "create extension dblink", "42501", "0A000"],
  ["postgres_fdw", "create extension postgres_fdw", "42501", "0A000"],
  ["file_fdw", "create extension file_fdw", "42501", "0A000"],
  ["adminpack", "create extension adminpack", "42501", "0A000"],
  ["pg_stat_statements", "create extension pg_stat_statements", "42501", "0A000"],
  ["a language that nothing ends", "create extension plperl", "42501", "0A000", "58P01"],
  [
    "a language that nothing ends, with another",
    "create extension bool_plperl cascade",
    "42501",
    "0A000",
    "58P01",
  ],
  ["an extension from elsewhere", 'create extension "../../../../tmp/x"', "42602", "0A000", "22023"],
  ["CREATE LANGUAGE", "create language plpython3u", "42501", "0A000", "42704"],
  ["a language of its own", "create language l handler plpgsql_call_handler", "42501"],
  [
    "a function in C",
    "create function f() returns int language c as '/lib/x86_64-linux-gnu/libc.so.6', 'getpid'",
    "42501",
  ],
  [
    "a function of the server's inside",
    "create function f() returns int language internal as 'pg_read_file_all'",
    "42501",
  ],
  ["LOAD", "load '/lib/x86_64-linux-gnu/libc.so.6'", "42501"],
  ["LOAD from the plugins", "load '$libdir/plugins/../dblink'", "42501"],
  ["CREATE FOREIGN DATA WRAPPER", "create foreign data wrapper w", "42501"],
  ["CREATE SERVER", "create server s foreign data wrapper nothing", "42501", "42704"],
  ["CREATE SUBSCRIPTION", "create subscription s connection 'host=/' publication p", "42501"],
  ["CREATE PUBLICATION of everything", "create publication p for all tables", "42501"],
  ["CREATE ACCESS METHOD", "create access method a type index handler bthandler", "42501"],
  [
    "CREATE EVENT TRIGGER",
    "create function e() returns event_trigger language plpgsql as 'begin end'; create event trigger e on ddl_command_end execute function e()",
    "42501",
  ],
  ["removing the fence before languages", "drop event trigger ow_extension_fence", "42501"],
  ["switching off the fence before languages", "alter event trigger ow_extension_fence disable", "42501"],
  ["dropping the extension that holds the fence", "drop extension plpgsql cascade", "42501"],
  ["CREATE OPERATOR CLASS", "create operator class c for type int4 using btree as operator 1 <", "42501"],
  [
    "a cast without a function",
    "create type a as (x int); create cast (a as bytea) without function",
    "42501",
    "42P17",
  ],
  ["CREATE TEXT SEARCH TEMPLATE", "create text search template t (lexize = dsimple_lexize)", "42501"],
  [
    "CREATE TEXT SEARCH PARSER",
    "create text search parser p (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype)",
    "42501",
  ],

  // the server
  ["ALTER SYSTEM", "alter system set log_statement = 'all'", "42501", "25001"],
  ["pg_reload_conf", "select pg_reload_conf()", "42501"],
  ["pg_switch_wal", "select pg_switch_wal()", "42501"],
  ["CHECKPOINT", "checkpoint", "42501"],
  ["log of the server without end", "select pg_logical_emit_message(false, 'x', 'y')", "42501"],
  [
    "a replication slot, which holds the log for ever",
    "select pg_create_physical_replication_slot('s')",
    "42501",
  ],
  ["statistics of all set back", "select pg_stat_reset_shared('bgwriter')", "42501"],
  ["PREPARE TRANSACTION", "begin; prepare transaction 'p'", "55000"],
  ["temp_file_limit", "set temp_file_limit = -1", "42501"],
  ["log_min_messages", "set log_min_messages = 'debug5'", "42501"],
  ["session_replication_role, which skips triggers", "set session_replication_role = replica", "42501"],
  ["allow_system_table_mods", "set allow_system_table_mods = on", "42501"],
  ["session_preload_libraries", "set session_preload_libraries = 'x'", "42501"],
  [
    "superuser settings for its sessions to come",
    "alter role current_user set temp_file_limit = -1",
    "42501",
  ],
  [
    "superuser settings in a function",
    "create function f() returns int language sql set temp_file_limit = -1 as 'select 1'; select f()",
    "42501",
  ],

  // the catalogs
  ["writing the catalog", "update pg_class set relowner = 10", "42501"],
  ["deleting a role from the catalog", "delete from pg_catalog.pg_authid", "42501"],
  ["a table in pg_catalog", "create table pg_catalog.t (a int)", "42501"],
  [
    "replacing a function of pg_catalog",
    "create or replace function pg_catalog.now() returns timestamptz language sql as 'select null::timestamptz'",
    "42501",
  ],
  [
    "replacing the view of sessions",
    "create or replace view pg_catalog.pg_stat_activity as select 1 as a",
    "42501",
  ],
  [
    "giving itself what is closed",
    "grant execute on function pg_catalog.pg_read_file(text) to current_user",
    "42501",
  ],
  ["passwords", "select rolpassword from pg_authid", "42501"],
  ["pg_shadow", "select * from pg_shadow", "42501"],
  ["settings of others' roles", "select * from ow_db_role_setting", "42501"],
  ["settings of others' roles by their usual name", "select * from pg_db_role_setting", "[]"],
  [
    "words for others in a catalog that all read",
    "insert into pg_db_role_setting values (1, 1, '{a=b}')",
    "42501",
  ],
  ["how many objects others own", "select * from pg_shdepend", "42501"],
  ["what others do, past the view", "select * from pg_stat_get_activity(null)", "42501"],
  ["others' locks, past the view", "select * from pg_lock_status()", "42501"],
  ["how much others work", "select * from pg_stat_database", "42501"],
  ["what others vacuum", "select * from pg_stat_progress_vacuum", "42501"],
  ["prepared transactions of others", "select * from pg_prepared_xacts", "42501"],
  ["connections of others", "select * from pg_stat_ssl", "42501"],
  ["all of the table space", "select pg_tablespace_size('pg_default')", "42501"],

  // sessions of others
  ["ending the neighbour's session", "select pg_terminate_backend({otherPid})", "42501"],
  ["cancelling the neighbour's query", "select pg_cancel_backend({otherPid})", "42501"],
  ["ending the superuser's session", "select pg_terminate_backend({adminPid})", "42501"],
  ["what a backend of others holds in memory", "select pg_log_backend_memory_contexts({otherPid})", "42501"],
];

/** Scopes, and what is refused to them that an owner may. */
const refusedByScope: Readonly<
  Record<Exclude<DatabaseScope, "owner">, readonly (readonly [string, string])[]>
> = {
  "read-write": [
    ["create table t (a int)", "42501"],
    ["create table public.t (a int)", "42501"],
    ["create schema s", "42501"],
    ["drop table own", "42501"],
    ["alter table own add column b int", "42501"],
    ["create extension hstore", "42501"],
    ["create function f() returns int language sql as 'select 1'", "42501"],
    ["create publication p", "42501"],
    ["alter default privileges grant all on tables to public; create table t (a int)", "42501"],
    ["set role {me}", "42501"],
    [
      "create trigger t before insert on own for each row execute function suppress_redundant_updates_trigger()",
      "42501",
    ],
  ],
  "read-only": [
    ["set transaction_read_only = off; insert into own values (1)", "42501"],
    ["begin read write; delete from own", "42501"],
    ["set transaction_read_only = off; update own set a = 1", "42501"],
    ["set transaction_read_only = off; truncate own", "42501"],
    ["set transaction_read_only = off; create temp table t (a int)", "42501"],
    ["set transaction_read_only = off; create table t (a int)", "42501"],
    ["set transaction_read_only = off; select lo_create(0)", "42501"],
    ["set transaction_read_only = off; select lo_from_bytea(0, 'x')", "42501"],
    ["set transaction_read_only = off; select nextval('own_sequence')", "42501"],
    ["set transaction_read_only = off; lock table own in exclusive mode", "42501"],
    ["set role {me}", "42501"],
    ["select * from own for update", "25006"],
    ["set transaction_read_only = off; begin; select * from own for update", "42501"],
  ],
};

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
