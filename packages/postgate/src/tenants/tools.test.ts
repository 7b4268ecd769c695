import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { temporaryDirectory } from "@openworkers/db/testing";
import { backendAddress, type Tenant } from "../tenant.ts";
import { type TestServer, testServers } from "../testing/test-server.ts";
import { sessionSettings } from "./session-settings.ts";
import { TenantServer } from "./tenant-server.ts";
import { makeTenant, openSession, outcome } from "./testing/tenants.ts";

for (const [name, start] of testServers) {
  describe(`what people and tools ask of a fenced database on ${name}`, () => {
    let postgres: TestServer;
    let server: TenantServer;
    let tenant: Tenant;

    beforeAll(async () => {
      postgres = await start();
      server = TenantServer.connect(postgres.url);
      await server.prepare();
      tenant = await makeTenant(server, "tools");
      await using session = await openSession(server, tenant);
      await session.query(`
        create type mood as enum ('sad', 'glad');
        create table people (id int generated always as identity primary key, name text not null unique, mood mood default 'glad');
        create view glad as select * from people where mood = 'glad';
        create function greet(text) returns text language sql as 'select ''hello '' || $1';
        create extension citext;
        create schema app; create table app.more (person int references people, at timestamptz);
        insert into people (name) values ('Ada'), ('Bob');
        select lo_from_bytea(4711, 'large')`);
    });

    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    });

    test("a session begins with its settings, and DISCARD ALL comes back to them", async () => {
      for (const scope of ["owner", "read-write", "read-only"] as const) {
        await using session = await openSession(server, tenant, scope);
        const settings = sessionSettings(tenant, scope);
        const shown = async () => {
          const names = Object.keys(settings);
          const { rows } = await session.query<{ shown: string }>(
            "select current_setting(name) as shown from unnest($1::text[]) with ordinality n (name, at) order by at",
            [names],
          );
          return rows.map((row) => row.shown);
        };
        const before = await shown();
        expect(before).toContain("30s");
        expect(before).toContain("UTC");
        await session.query(
          "set statement_timeout = 0; set timezone = 'Asia/Tokyo'; set search_path = pg_catalog",
        );
        expect(await shown()).not.toEqual(before);
        await session.query("discard all");
        expect(await shown()).toEqual(before);
      }
    });

    test("the catalogs that ORMs read are there, for every scope", async () => {
      for (const scope of ["owner", "read-write", "read-only"] as const) {
        await using session = await openSession(server, tenant, scope);
        for (const statement of [
          "select table_name from information_schema.tables where table_schema = 'public'",
          "select * from information_schema.columns where table_schema = 'app'",
          "select conname, pg_get_constraintdef(oid) from pg_constraint",
          "select indexname, indexdef from pg_indexes where schemaname = 'public'",
          "select typname, enumlabel from pg_enum e join pg_type t on t.oid = e.enumtypid",
          "select * from pg_settings",
          "select version(), current_database(), current_schema()",
          "select relname, n_live_tup from pg_stat_user_tables",
          "select * from pg_extension",
          "select pg_get_viewdef('glad'::regclass), pg_get_functiondef('greet'::regproc)",
          "select pg_total_relation_size('people'), pg_database_size(current_database())",
          "select nspname, pg_get_userbyid(nspowner) from pg_namespace",
          "select rolname from pg_roles",
        ]) {
          expect(await outcome(session, statement)).toStartWith("[[");
        }
      }
    });

    test("what pg_dump reads for an archive is there", async () => {
      // Of src/bin/pg_dump/pg_dump.c, dumpDatabase and dumpDatabaseConfig, and dumputils.c, buildShSecLabelQuery; the same
      // in 15 and 18.
      await using session = await openSession(server, tenant);
      for (const statement of [
        `select unnest(setconfig) from pg_db_role_setting
          where setrole = 0 and setdatabase = (select oid from pg_database where datname = current_database())`,
        `select rolname, unnest(setconfig) from pg_db_role_setting s, pg_roles r
          where setrole = r.oid and setdatabase = (select oid from pg_database where datname = current_database())`,
        `select provider, label from pg_catalog.pg_shseclabel where classoid = 'pg_catalog.pg_database'::pg_catalog.regclass`,
        "select label, provider, classoid, objoid, objsubid from pg_catalog.pg_seclabels",
        "select shobj_description(oid, 'pg_database'), datfrozenxid, datminmxid, datacl, acldefault('d', datdba) from pg_database",
      ]) {
        expect([statement, await outcome(session, statement)]).toEqual([
          statement,
          expect.stringMatching(/^\[/),
        ]);
      }
    });

    // Clients of version 15 describe no later server.
    if (name === "PostgreSQL 15") {
      test("psql describes everything", async () => {
        for (const command of [
          "\\d",
          "\\dt",
          "\\dt+",
          "\\d people",
          "\\d+ app.more",
          "\\l",
          "\\du",
          "\\dn+",
          "\\df",
          "\\dp",
          "\\dT",
          "\\dx",
          "\\ddp",
          "\\dv+",
          "\\lo_list",
          "\\conninfo",
          "\\z",
          "\\sf greet",
        ]) {
          const { code, errors } = await run("psql", tenant, "-X", "-v", "ON_ERROR_STOP=1", "-c", command);
          expect([command, code, errors]).toEqual([command, 0, ""]);
        }
      });

      test("a dump says nothing of the fences, and another tenant restores it", async () => {
        const { code, errors, output } = await run("pg_dump", tenant, "--no-owner", "--no-acl");
        expect([code, errors]).toEqual([0, ""]);
        expect(output).not.toMatch(/\bow_/);
        const plain = await run("pg_dump", tenant);
        expect(plain.output).not.toMatch(/(grant|revoke)[^;]*pg_catalog\.|event trigger/i);
        const other = await makeTenant(server, "restored");
        const restored = await run("psql", other, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", output);
        expect([restored.code, restored.errors]).toEqual([0, ""]);
        await using session = await openSession(server, other, "read-only");
        expect(await outcome(session, "select name from glad order by 1")).toBe('[["Ada"],["Bob"]]');
      });

      for (const format of ["custom", "directory"]) {
        test(`another tenant restores an archive in the ${format} format`, async () => {
          const archive = join(temporaryDirectory(), "archive");
          const dumped = await run("pg_dump", tenant, `--format=${format}`, `--file=${archive}`);
          expect([dumped.code, dumped.errors]).toEqual([0, ""]);
          const other = await makeTenant(server, format);
          const restored = await run("pg_restore", other, "--no-owner", "--no-privileges", "-e", archive);
          expect([restored.code, restored.errors]).toEqual([0, ""]);
          await using session = await openSession(server, other);
          expect(await outcome(session, "select name from glad order by 1")).toBe('[["Ada"],["Bob"]]');
          expect(await outcome(session, "select convert_from(lo_get(4711), 'UTF8')")).toBe('[["large"]]');
        });
      }
    }

    async function run(
      program: string,
      who: Tenant,
      ...given: string[]
    ): Promise<{ code: number; output: string; errors: string }> {
      const { host, port, database, user, password } = backendAddress(server.address, who, "owner");
      const input = given.includes("-") ? (given.pop() ?? "") : "";
      const child = Bun.spawn(
        [program, "-h", host, "-p", String(port), "-U", user, "-d", database, ...given],
        {
          env: { PATH: process.env.PATH, PGPASSWORD: password, LC_ALL: "C" },
          stdin: new Blob([input]),
          stdout: "pipe",
          stderr: "pipe",
        },
      );
      const [output, errors] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      return { code: await child.exited, output, errors };
    }
  });
}
