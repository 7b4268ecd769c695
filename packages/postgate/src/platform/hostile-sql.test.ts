import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { hashOf } from "@openworkers/db";
import { sql } from "kysely";
import type { Client } from "pg";
import { type TestServer, testServers } from "../testing/mod.ts";
import { ownedDatabase } from "./testing/owned-database.ts";
import { rejection } from "./testing/people.ts";
import { TestPlatform } from "./testing/platform.ts";
import { addRecords, makeWorld, type World } from "./testing/world.ts";

// Bob has taken the API over: whatever SQL he likes comes in his session. Ann's is what he wants.
for (const [name, start] of testServers) {
  describe(`on ${name}, with tables of a role that is no superuser`, () => {
    let server: TestServer;
    let platform: TestPlatform;
    let anns: World;
    let bobs: World;

    beforeAll(async () => {
      server = await start();
      const owned = await ownedDatabase(server.url, server.address);
      platform = await TestPlatform.start(owned);
      const { open, ann, bob, database } = platform;
      anns = await makeWorld(database, ann, database);
      await addRecords(database, ann.id, anns, ann.name);
      bobs = await makeWorld(open.as(bob), bob, database);
    });
    afterAll(async () => {
      await platform[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });

    /** Runs statements one after the other in a session of Bob's. The rows of the last, or the SQLSTATE of the first to fail. */
    async function bobRuns(
      ...statements: (string | [text: string, ...values: unknown[]])[]
    ): Promise<unknown> {
      const client = await platform.open.connect(platform.bob);
      try {
        return await run(client, statements);
      } finally {
        await client.end();
      }
    }

    async function run(
      client: Client,
      statements: readonly (string | [text: string, ...values: unknown[]])[],
    ): Promise<unknown> {
      let rows: unknown;
      for (const statement of statements) {
        const [text, ...values] = typeof statement === "string" ? [statement] : statement;
        try {
          ({ rows } = await client.query(text, values));
        } catch (thrown) {
          return (thrown as { code?: unknown }).code;
        }
      }
      return rows;
    }

    const denied = "42501";
    const workers = "select name from workers order by name";
    const bobsWorkers = [{ name: "bob-other" }, { name: "bob-worker" }];

    test("no other role is to be had", async () => {
      for (const role of ["platform_owner", "ow_identity", "postgres", "openworkers", "pg_read_all_data"]) {
        const answer = await bobRuns(`set role ${role}`);
        expect([role, answer === denied || answer === "22023"]).toEqual([role, true]);
        expect([role, await bobRuns(`set session authorization ${role}`)]).not.toEqual([role, []]);
      }
      expect(
        await bobRuns(
          "set role ow_api",
          "reset role",
          "reset session authorization",
          "set role none",
          workers,
        ),
      ).toEqual(bobsWorkers);
      expect(await bobRuns("alter role ow_api superuser")).toBe(denied);
      expect(await bobRuns("set row_security = off", workers)).toBe(denied);
      expect(await bobRuns("alter table workers disable row level security")).toBe(denied);
      expect(await bobRuns("grant select on caller_keys to public")).toBe(denied);
    });

    test("a caller that is forged or copied is nobody", async () => {
      const { open, ann, bob } = platform;
      const setting = "select current_setting('openworkers.caller') as setting";
      const client = await open.connect(ann);
      const hers = String((await client.query(setting)).rows[0]?.setting);
      expect((await client.query(workers)).rows).toHaveLength(2);
      const mine = String(((await bobRuns(setting)) as { setting: string }[])[0]?.setting);
      const forged = mine.replace(bob.id, ann.id);
      expect(forged).not.toBe(mine);
      for (const caller of [
        forged,
        hers,
        "",
        "1.2.3",
        `${ann.id}`,
        hers.replace(/\.[^.]*$/, `.${"0".repeat(64)}`),
      ]) {
        expect(await bobRuns(["select set_config('openworkers.caller', $1, true)", caller], workers)).toEqual(
          [],
        );
        expect(
          await bobRuns(["select set_config('openworkers.caller', $1, false)", caller], workers),
        ).toEqual([]);
      }
      await client.end();
      // Of this very transaction, and so looked at to its end.
      for (const rest of [
        `${ann.id}..*..${"0".repeat(64)}`,
        `${ann.id}..*..no hex`,
        "no id.no id.*.never.",
        `${ann.id}..*...${"0".repeat(64)}`,
      ]) {
        const now = "pg_backend_pid() || '.' || (extract(epoch from now()) * 1000000)::bigint || '.'";
        expect(
          await bobRuns([`select set_config('openworkers.caller', ${now} || $1, true)`, rest], workers),
        ).toEqual([]);
      }
    });

    test("a caller's setting is good for nothing in the next transaction of its connection", async () => {
      const { open, ann } = platform;
      const first = await open.connect(ann);
      const [seen] = (
        await first.query("select current_setting('openworkers.caller') as setting, pg_backend_pid() as pid")
      ).rows;
      await first.query("commit");
      await first.end();
      // The one that was given back last is the one that is lent next.
      let pid: unknown;
      let names: unknown;
      while (pid !== seen?.pid) {
        const client = await open.connect(platform.bob);
        pid = (await client.query("select pg_backend_pid() as pid")).rows[0]?.pid;
        await client.query("select set_config('openworkers.caller', $1, false)", [seen?.setting]);
        names = (await client.query(workers)).rows;
        await client.query("commit");
        await client.end();
      }
      expect(names).toEqual([]);
    });

    test("after the transaction's end a session is nobody's", async () => {
      const client = await platform.open.connect(platform.bob);
      const results: unknown = await client.query(`commit; ${workers}; select caller_id() as id`);
      expect((results as { rows: unknown }[]).map(({ rows }) => rows)).toEqual([[], [], [{ id: null }]]);
      expect(await rejection(client.query(workers))).toMatchObject({ code: "25P01" });
      await client.end();
      expect(await bobRuns("commit and chain", workers)).toEqual([]);
      expect(await bobRuns("savepoint a", "rollback to a", workers)).toEqual(bobsWorkers);
    });

    test("nothing that a session leaves behind is there for the next", async () => {
      const { open, ann, bob } = platform;
      const client = await open.connect(bob);
      const before = (await client.query("select pg_backend_pid() as pid")).rows[0]?.pid;
      await run(client, [
        "prepare workers as select 'bob was here' as name",
        "declare kept cursor with hold for select 'bob was here'",
        "listen openworkers",
        "select pg_advisory_lock(7264001), pg_advisory_lock(7264, 1)",
        "set statement_timeout = 0",
        "set search_path = pg_temp",
        "set default_transaction_read_only = on",
        "set timezone = 'Asia/Tokyo'",
        "set application_name = 'bob was here'",
        "commit",
      ]);
      await client.end();
      for (;;) {
        const next = await open.connect(ann);
        const [row] = (
          await next.query(`
            select pg_backend_pid() as pid,
              (select count(*)::int from pg_prepared_statements) as prepared,
              (select count(*)::int from pg_cursors where is_holdable) as cursors,
              (select count(*)::int from pg_listening_channels()) as channels,
              (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
              current_setting('statement_timeout') as timeout, current_setting('search_path') as path,
              current_setting('transaction_read_only') as readonly, current_setting('timezone') as timezone,
              current_setting('application_name') as name`)
        ).rows;
        await next.query("commit");
        await next.end();
        const { pid, timezone, ...left } = row;
        expect(timezone).not.toBe("Asia/Tokyo");
        expect(left).toEqual({
          prepared: 0,
          cursors: 0,
          channels: 0,
          locks: 0,
          timeout: "10s",
          path: '"$user", public',
          readonly: "off",
          name: "openworkers api",
        });
        if (pid === before) break;
      }
    });

    test("nothing can be put before the platform's own tables and functions", async () => {
      for (const statement of [
        "create temporary table domains (hostname text)",
        "create temporary view users as select 1",
        "select 1 into temporary users",
        "create function pg_temp.caller_id() returns uuid language sql as 'select null::uuid'",
        "create function public.owned() returns int language sql as 'select 1'",
        "create schema mine",
        "create table public.mine (id int)",
        "create view public.mine as select 1",
        "create or replace function caller_id() returns uuid language sql as 'select null::uuid'",
        "create trigger mine before insert on workers for each row execute function refuse_change()",
        "create policy mine on workers to ow_api using (true)",
        "create operator public.=== (leftarg = int, rightarg = int, function = int4eq)",
        "create extension dblink",
      ]) {
        expect([statement, await bobRuns(statement)]).toEqual([statement, denied]);
      }
    });

    test("a condition sees no row that a policy has not let through", async () => {
      const leaky = "1 / (case when %s ~ 'ann' then 0 else 1 end) > 0";
      for (const [table, column] of [
        ["workers", "name"],
        ["environment_values", "value"],
        ["kv_entries", "encode(value, 'escape')"],
        ["logs", "message"],
        ["routes", "pattern"],
        ["audit_log", "subject"],
        ["blobs", "encode(content, 'escape')"],
        ["users", "name"],
      ] as const) {
        const answer = await bobRuns(
          `select count(*)::int as count from ${table} where ${leaky.replace("%s", column)}`,
        );
        expect([table, Array.isArray(answer)]).toEqual([table, true]);
        expect([
          table,
          await bobRuns(`explain analyze select from ${table} where ${leaky.replace("%s", column)}`),
        ]).not.toEqual([table, "22012"]);
      }
    });

    test("COPY, DO and cursors show what a SELECT does", async () => {
      expect(await bobRuns("copy workers from stdin")).toBe("0A000");
      expect(await bobRuns("copy workers to program 'cat'")).toBe(denied);
      expect(await bobRuns("copy workers to '/tmp/workers'")).toBe(denied);
      expect(await bobRuns("copy workers (name) from '/etc/passwd'")).toBe(denied);
      const found = `do $$ begin if exists (select from workers where name like 'ann%') then raise 'seen' using errcode = 'P0001'; end if; end $$`;
      expect(await bobRuns(found)).toEqual([]);
      expect(await bobRuns(`declare kept cursor with hold for ${workers}`, "fetch all from kept")).toEqual(
        bobsWorkers,
      );
    });

    test("the server's own tables say nothing of others' rows", async () => {
      const { ann } = platform;
      for (const statement of [
        "select * from pg_authid",
        "select * from pg_statistic",
        "select * from pg_largeobject",
        "select pg_read_file('postgresql.conf')",
        "select * from caller_keys",
        "select * from schema_migrations",
        "select * from former_members",
        "select * from identity.users",
        "select * from identity.sessions",
        "select * from logs_20260101",
        "select resolve_caller('\\x00')",
        ["select accounts_of($1, null, '{*}', 'workers', 'read')", ann.id],
        "call protect_table('workers')",
      ] as (string | [string, string])[]) {
        expect([statement, await bobRuns(statement)]).toEqual([statement, denied]);
      }
      expect(
        await bobRuns("select tablename from pg_stats where schemaname in ('public', 'identity')"),
      ).toEqual([]);
      const client = await platform.open.connect(ann);
      await client.query("select name from workers where name = $1", ["ann-worker"]);
      const activity = JSON.stringify(await bobRuns("select * from pg_stat_activity"));
      expect(activity).not.toContain(ann.id);
      expect(activity).not.toContain("ann-worker");
      await client.end();
    });

    test("EXPLAIN does not tell a value that others have from one that nobody has", async () => {
      const { database } = platform;
      await sql`analyze`.execute(database.kysely);
      const estimate = async (value: string) => {
        const rows = (await bobRuns(
          `explain (format json) select from environment_values where value = '${value}'`,
        )) as {
          "QUERY PLAN": { Plan: object }[];
        }[];
        return JSON.stringify(rows[0]?.["QUERY PLAN"]).replaceAll(value, "");
      };
      expect(await estimate("new value of ann")).toBe(await estimate("new value of nil"));
    });

    test("what opens something is not to be read in any way", async () => {
      for (const statement of [
        "select sealed from environment_values",
        "select * from environment_values",
        "select environment_values::text from environment_values",
        "select to_jsonb(v) from environment_values v",
        "delete from environment_values returning sealed",
        "select from environment_values order by sealed",
        "select sealed from databases",
        "select s3_sealed from storage_buckets",
        "select hash from database_tokens",
        "select hash from log_tokens",
        "select hash from api_keys",
        "select from api_keys where hash = '\\x00'",
        "select hash from invitations",
        "select host, path from database_dumps",
        "update environment_values set value = sealed::text",
        "insert into kv_namespaces (id, owner_id, name) select id, owner_id, encode(sealed, 'hex') from databases",
      ]) {
        expect([statement, await bobRuns(statement)]).toEqual([statement, denied]);
      }
    });

    test("a name that is taken is refused, and whose it is stays theirs", async () => {
      const insert = "insert into workers (id, name, owner_id) values ($1, $2, $3) on conflict (name)";
      const row = [newId(), "ann-worker", platform.bob.id];
      expect(await bobRuns([`${insert} do nothing returning id`, ...row])).toEqual([]);
      expect(await bobRuns([`${insert} do update set limits = '{}' returning id`, ...row])).toBe(denied);
      expect(
        await bobRuns([
          "insert into domains (hostname, worker_id, verification_token) values ('ann.example.com', $1, 't') on conflict (hostname, worker_id) do update set verified_at = now() returning verification_token",
          anns.worker,
        ]),
      ).toBe(denied);
      expect(
        await bobRuns([
          "insert into kv_entries (namespace_id, key, value, size) values ($1, 'small', '', 0) on conflict (namespace_id, key) do update set value = excluded.value returning kv_entries.value",
          anns.namespace,
        ]),
      ).toBe(denied);
    });

    test("a reference to somebody else's is refused as one to nothing is", async () => {
      const { ann, bob, database } = platform;
      const theirs = async (statement: (id: string) => [string, ...unknown[]], id: string) => {
        const refused = await bobRuns(statement(id));
        expect(refused).toBeString();
        expect(refused).toBe(await bobRuns(statement(newId())));
      };
      await theirs(
        (id) => [
          "insert into deployments (id, worker_id, created_by) values ($1, $2, $3)",
          newId(),
          id,
          bob.id,
        ],
        anns.worker,
      );
      const environment = "(select id from environments where name = 'bob-environment')";
      await theirs(
        (id) => [
          `insert into environment_values (environment_id, owner_id, name, kind, kv_namespace_id) values (${environment}, $1, 'X', 'kv', $2)`,
          bob.id,
          id,
        ],
        anns.namespace,
      );
      await theirs(
        (id) => [
          `insert into environment_values (environment_id, owner_id, name, kind, kv_namespace_id) values (${environment}, $1, 'X', 'kv', $2)`,
          ann.id,
          id,
        ],
        anns.namespace,
      );
      await theirs((id) => ["update workers set environment_id = $1", id], anns.worker);
      await theirs(
        (id) => [
          "insert into database_tokens (id, database_id, name, scope, hash, created_by) values ($1, $2, 'x', 'owner', sha256('x'), $3)",
          newId(),
          id,
          bob.id,
        ],
        anns.database,
      );
      await theirs(
        (id) => [
          "insert into log_tokens (id, hash, worker_id, created_by, expires_at) values ($1, sha256('x'), $2, $3, now() + interval '1 hour')",
          newId(),
          id,
          bob.id,
        ],
        anns.worker,
      );
      const { rows } = await sql<{ value: string; version: string; blob: string }>`
        select (select value_id from kv_entries where namespace_id = ${anns.namespace} and value_id is not null) as value,
          (select version from storage_objects where bucket_id = ${anns.bucket}) as version,
          (select id from storage_blobs where bucket_id = ${anns.bucket}) as blob`.execute(database.kysely);
      const [hers] = rows;
      await theirs((id) => ["update kv_entries set value = null, value_id = $1", id], hers?.value ?? "");
      await theirs(
        (id) => ["insert into kv_chunks (value_id, position, content) values ($1, 9, 'x')", id],
        hers?.value ?? "",
      );
      await theirs((id) => ["update storage_blobs set version = $1, position = 9", id], hers?.version ?? "");
      await theirs(
        (id) => ["insert into storage_chunks (blob_id, number, bytes) values ($1, 9, 'x')", id],
        hers?.blob ?? "",
      );
    });

    test("who knows the hash of a content has neither the content nor whether somebody has it", async () => {
      const { ann, bob, database } = platform;
      const hers = new TextEncoder().encode(`code of ${ann.name}`);
      const known = hashOf(hers);
      const unknown = hashOf(new TextEncoder().encode("nobody's"));
      const both = async (statement: (hash: string) => [string, ...unknown[]]) => {
        expect(await bobRuns(statement(known))).toEqual(await bobRuns(statement(unknown)));
      };
      await both((hash) => ["select size from blobs where hash = $1", hash]);
      await both((hash) => ["select count(*) from collect_blobs(array[$1])", hash]);
      await both((hash) => ["insert into blob_uploads (user_id, hash) values ($1, $2)", bob.id, hash]);
      const version = newId();
      for (const part of [
        "insert into version_modules (version_id, position, name, type, hash) values ($1, 0, 'x', 'data', $2)",
        "insert into version_assets (version_id, path, hash, size, content_type) values ($1, '/x', $2, 1, 'text/plain')",
      ]) {
        const insert = (hash: string) =>
          bobRuns(
            [
              "insert into worker_versions (id, worker_id, number, compatibility_date, created_by) values ($1, $2, 99, '2026-01-01', $3)",
              version,
              bobs.worker,
              bob.id,
            ],
            [part, version, hash],
          );
        expect([part, await insert(known), await insert(unknown)]).toEqual([part, denied, denied]);
      }
      // Sent as somebody who has it sends it: the answer is the same as for what nobody has.
      const send = async (content: Uint8Array) => {
        const client = await platform.open.connect(bob);
        const { rowCount } = await client.query(
          "insert into blobs (hash, content) values ($1, $2) on conflict (hash) do nothing",
          [hashOf(content), content],
        );
        await client.end();
        return rowCount;
      };
      expect(await send(hers)).toBe(await send(crypto.getRandomValues(new Uint8Array(10))));
      expect(await bobRuns(["insert into blobs (hash, content) values ($1, 'another')", known])).toBe(
        "23514",
      );
      const { rows } = await sql`select from blobs where hash = ${known}`.execute(database.kysely);
      expect(rows).toHaveLength(1);
    });

    test("nobody makes themselves more than they are, or acts under another name", async () => {
      const { ann, bob } = platform;
      for (const statement of [
        "update users set is_operator = true",
        "update users set kind = 'system'",
        ["insert into users (id, name) values ($1, 'more')", newId()],
        ["insert into members (organisation_id, user_id, role) values ($1, $2, 'owner')", ann.id, bob.id],
        ["update workers set owner_id = $1", ann.id],
        ["insert into workers (id, name, owner_id) values ($1, 'forged', $2)", newId(), ann.id],
        ["insert into audit_log (user_id, action, subject) values ($1, 'worker.delete', 'x')", ann.id],
        [
          "insert into audit_log (user_id, account_id, action, subject) values ($1, $2, 'worker.delete', 'x')",
          bob.id,
          ann.id,
        ],
        [
          "insert into api_keys (id, user_id, name, prefix, hash, scopes) values ($1, $2, 'x', 'ow_x', sha256('x'), '{*}')",
          newId(),
          ann.id,
        ],
        [
          "insert into deployments (id, worker_id, created_by) values ($1, $2, $3)",
          newId(),
          bobs.worker,
          ann.id,
        ],
        [
          "insert into domains (hostname, worker_id, verification_token, verified_at) values ('proven.example.com', $1, 't', now())",
          bobs.worker,
        ],
        [
          "insert into domains (hostname, worker_id, verification_token) values ('more.bob.example.com', $1, 't') on conflict (hostname, worker_id) do update set verified_at = now()",
          bobs.worker,
        ],
        "update domains set verified_at = now()",
        ["insert into routes (pattern, worker_id) values ('any.example.com/', $1)", bobs.worker],
        [
          "insert into log_tokens (id, hash, created_by, expires_at) values ($1, sha256('x'), $2, now())",
          newId(),
          bob.id,
        ],
        [
          `insert into version_bindings (version_id, worker_id, owner_id, name, kind, face)
          select id, worker_id, $1, 'SQL', 'platform-sql', 'api' from worker_versions limit 1`,
          bob.id,
        ],
        "update databases set state = 'ready' where state = 'wanted'",
        ["insert into workers (id, name, owner_id) values ($1, 'api', $2)", newId(), bob.id],
        "delete from audit_log",
        "update sealing_keys set id = '0000000000000000'",
        "truncate workers",
      ] as (string | [string, ...string[]])[]) {
        const answer = await bobRuns(statement);
        expect([statement, answer === denied || answer === "23001"]).toEqual([statement, true]);
      }
    });

    test("what is told of others' rows does not reach a session", async () => {
      const client = await platform.open.connect(platform.bob);
      const heard: unknown[] = [];
      client.on("notification", (message) => heard.push(message));
      // Delivered before the server is ready for more: its own, and what others have sent.
      await client.query("listen openworkers; notify openworkers, 'x'; commit; select 1");
      await client.end();
      expect(heard).toEqual([]);
    });
  });
}
