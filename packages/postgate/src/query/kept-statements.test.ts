import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client } from "pg";
import { type Tenant, tenantNames } from "../tenant.ts";
import { TestPostgate, until } from "../testing/test-postgate.ts";
import { testServers } from "../testing/test-server.ts";

// A statement that is sent again finds itself parsed, in a session that others had in between.

describe.each(testServers)("%s", (_, start) => {
  const stack = new AsyncDisposableStack();
  let gate: TestPostgate;

  beforeAll(async () => {
    gate = stack.use(await TestPostgate.open(stack.use(await start())));
  });
  afterAll(() => stack.disposeAsync());

  const admin = (tenant: Tenant, sql: string) =>
    gate.tenants.admin<Record<string, unknown>>(sql, tenantNames(tenant.id).database);

  /** A tenant with one connection, which all its calls have one after the other. */
  const alone = async (script: string) => {
    const tenant = await gate.make("alone", { connections: 1 });
    expect((await gate.query(tenant, { script })).error).toBeUndefined();
    return tenant;
  };

  /** Sends it so often that it is kept. */
  const settle = async (tenant: Tenant, sql: string, params: readonly string[] = []) => {
    for (let sent = 0; sent < 3; sent++) await gate.rows(tenant, sql, params);
  };

  /** What the tenant's session was sent as SQL last: DISCARD ALL, unless it cleaned itself and kept its plans. */
  const lastSent = async (tenant: Tenant) => {
    await until(() => gate.postgate.budget.usage.busy === 0);
    const name = tenantNames(tenant.id).database;
    const [row] = await gate.tenants.admin<{ query: string }>(
      `select query from pg_stat_activity where datname = '${name}'`,
    );
    return row?.query;
  };

  test("a statement that is sent again keeps its session's plans, and one that is not does not", async () => {
    const tenant = await alone("create table items (id int primary key)");
    for (let once = 0; once < 5; once++) await gate.rows(tenant, `select ${once}`);
    expect(await lastSent(tenant)).toBe("DISCARD ALL");
    const again = "select id from items where id = $1";
    await settle(tenant, again, ["1"]);
    expect(await lastSent(tenant)).toBe(again);
    await gate.query(tenant, { script: "select 1" });
    expect(await lastSent(tenant)).toBe("DISCARD ALL");
  });

  const dirt = `
    create sequence s; create table items (id int); insert into items values (1);
    create function dirty() returns int language plpgsql as $$ declare unused refcursor; begin
      perform set_config('my.secret', 'x', false), set_config('timezone', 'Asia/Tokyo', false),
        set_config('search_path', 'nowhere', false), set_config('work_mem', '64kB', false),
        set_config('default_transaction_read_only', 'on', false), set_config('plpgsql.extra_errors', 'all', false),
        set_config('default_transaction_isolation', 'serializable', false), set_config('row_security', 'off', false);
      execute 'set role none';
      execute 'prepare mine as select 1';
      execute 'declare held cursor with hold for select 1';
      execute 'create temp table left_over (a int)';
      execute 'create temp table items (id text)';
      execute 'listen news';
      perform nextval('public.s'), pg_advisory_lock(1), pg_advisory_lock_shared(2);
      return 1;
    end $$`;

  const state = `select current_setting('timezone'), current_setting('statement_timeout'), current_setting('search_path'),
    coalesce(current_setting('my.secret', true), ''), current_setting('work_mem') <> '64kB',
    current_setting('default_transaction_read_only'), current_setting('transaction_isolation'),
    current_setting('row_security'),
    (select count(*) from pg_prepared_statements where name <> ''), (select count(*) from pg_cursors where name <> ''),
    to_regclass('left_over'), (select count(*) from pg_locks where locktype = 'advisory'),
    (select count(*) from pg_listening_channels())`;
  const untouched = [
    ["UTC", "30s", '"$user", public', "", true, "off", "read committed", "on", "0", "0", null, "0", "0"],
  ];

  test("nothing is left of a call whose statement is kept, whatever its functions did", async () => {
    const tenant = await alone(dirt);
    const pid = await gate.rows(tenant, "select pg_backend_pid()");
    for (let sent = 0; sent < 4; sent++) {
      expect(await gate.rows(tenant, "select dirty()")).toEqual([[1]]);
      expect(await gate.rows(tenant, state)).toEqual(untouched);
      expect((await gate.query(tenant, { sql: "select lastval()" })).error).toMatchObject({
        sqlstate: "55000",
      });
      expect(await gate.rows(tenant, "select id from items")).toEqual([[1]]);
    }
    expect(await gate.rows(tenant, "select pg_backend_pid()")).toEqual(pid);
  });

  test("nor where functions have come from elsewhere, and plans are kept yet", async () => {
    const tenant = await alone("create table first (id int)");
    await settle(tenant, "select id from first");
    await admin(tenant, `set role ${tenantNames(tenant.id).roles.owner}; ${dirt}`);
    for (let sent = 0; sent < 4; sent++) {
      expect(await gate.rows(tenant, "select dirty()")).toEqual([[1]]);
      expect(await gate.rows(tenant, state)).toEqual(untouched);
    }
  });

  test("the fences' function cleans all that DISCARD ALL does", async () => {
    const tenant = await alone(dirt);
    const { host, port } = gate.tenants.server;
    const { roles, database } = tenantNames(tenant.id);
    if (tenant.place.kind !== "platform") throw new Error("not a platform's");
    const session = new Client({
      host,
      port,
      database,
      user: roles.owner,
      password: tenant.place.passwords.owner,
    });
    await session.connect();
    try {
      const settings = "set timezone = 'UTC'; set statement_timeout = '30s'";
      for (const clean of ["discard all", "select pg_catalog.ow_clean_session()"]) {
        await session.query("select dirty()");
        await session.query(clean);
        await session.query(settings);
        const { rows } = await session.query<unknown[]>({ text: state, rowMode: "array" });
        expect(rows).toEqual(untouched);
        await expect(session.query("select lastval()")).rejects.toMatchObject({ code: "55000" });
      }
    } finally {
      await session.end();
    }
  });

  test("a call that has its session's next statement time out leaves nothing either", async () => {
    const tenant = await alone(
      "create function hasty() returns text language sql as $$ select set_config('statement_timeout', '1', false) || set_config('my.secret', 'x', false) $$",
    );
    for (let sent = 0; sent < 20; sent++) {
      await gate.query(tenant, { sql: "select hasty()" });
      expect(await gate.rows(tenant, state)).toEqual(untouched);
    }
  });

  test("no SQL names, replaces or removes a kept statement", async () => {
    const tenant = await alone(`create table items (id int); insert into items values (1);
      create function removes() returns int language plpgsql as $$ begin
        execute 'deallocate all'; execute 'close all'; execute 'discard plans'; return 1; end $$;
      create function tries(text) returns text language plpgsql as $$ begin
        execute $1; return 'done'; exception when others then return sqlstate; end $$`);
    const kept = "select id from items where id = $1";
    await settle(tenant, kept, ["1"]);
    for (const attempt of [
      'prepare "" as select 2',
      'deallocate ""',
      'execute "" (1)',
      "execute unnamed(1)",
    ]) {
      const sql = "select tries($1)";
      expect((await gate.rows(tenant, sql, [attempt]))[0]?.[0]).toMatch(/^(42601|26000)$/);
      expect(await gate.rows(tenant, kept, ["1"])).toEqual([[1]]);
    }
    expect(await gate.rows(tenant, "select name from pg_prepared_statements")).toEqual([]);
    for (let sent = 0; sent < 3; sent++) {
      expect(await gate.rows(tenant, "select removes() from items where id = $1", ["1"])).toEqual([[1]]);
    }
  });

  test.each([
    "create or replace function pg_catalog.ow_clean_session() returns void language sql as ''",
    "drop function pg_catalog.ow_clean_session()",
    "alter function pg_catalog.ow_clean_session() set search_path = public",
    "alter function pg_catalog.ow_clean_session() owner to current_user",
    "create function pg_catalog.ow_clean_session(int) returns void language sql as ''",
    "revoke execute on function pg_catalog.ow_clean_session() from public",
  ])("who cleans is out of reach: %s", async (sql) => {
    const tenant = await alone("create table items (id int)");
    const { error } = await gate.query(tenant, { sql });
    const { results } = await gate.query(tenant, {
      sql: `select proowner::regrole::text <> current_user, has_function_privilege(oid, 'execute'), proconfig is null, prosecdef, pronamespace::regnamespace::text
        from pg_proc where proname = 'ow_clean_session'`,
    });
    expect(results[0]?.rows).toEqual([[true, true, true, false, "pg_catalog"]]);
    // Who may not revoke is warned, and nothing is revoked.
    if (!sql.startsWith("revoke")) expect(error).toMatchObject({ sqlstate: "42501" });
  });

  test("what shadows the names of PostgreSQL's own does not mislead who cleans", async () => {
    const tenant = await alone(`${dirt};
      create schema evil;
      create function evil.pg_advisory_unlock_all() returns void language sql as '';
      create function evil.pg_my_temp_schema() returns oid language sql as 'select 0::oid';
      create function evil.no(oid, oid) returns bool language sql as 'select false';
      create operator evil.<> (leftarg = oid, rightarg = oid, function = evil.no);
      create function misled() returns int language plpgsql as $$ begin
        perform public.dirty(); perform set_config('search_path', 'evil, pg_catalog', false); return 1; end $$`);
    for (let sent = 0; sent < 4; sent++) {
      await gate.rows(tenant, "select misled()");
      expect(await gate.rows(tenant, state)).toEqual(untouched);
    }
  });

  test("a temporary table is before others of its name, whatever was planned in the session before", async () => {
    const tenant = await alone(`create table items (id int); insert into items values (1);
      create function first() returns text language plpgsql as $$ begin return (select id::text from items); end $$;
      create function shadowed() returns text language plpgsql as $$ begin
        create temp table items as select 'temporary' as id; return first(); end $$`);
    for (let sent = 0; sent < 3; sent++) {
      await settle(tenant, "select first()");
      await settle(tenant, "select id from items");
      expect(await gate.rows(tenant, "select shadowed()")).toEqual([["temporary"]]);
      const batch = [
        { sql: "create temp table items as select 'batch' as id" },
        { sql: "select id from items" },
      ];
      expect((await gate.query(tenant, { batch })).results[1]?.rows).toEqual([["batch"]]);
      expect(await gate.rows(tenant, "select id from items")).toEqual([[1]]);
    }
  });

  test("what a function came to under a call's own settings is not what the next call is told", async () => {
    const tenant = await alone(`
      create function noon() returns text language plpgsql as $$ begin
        return ('2024-01-01 12:00'::timestamptz at time zone 'UTC')::text; end $$;
      create function mine() returns text language sql immutable as $$ select current_setting('my.secret', true) $$;
      create function whose() returns text language plpgsql as $$ begin return (select mine()); end $$;
      create function elsewhere() returns text language plpgsql set timezone = 'Asia/Tokyo' as $$ begin return noon(); end $$;
      create function secretly() returns text language plpgsql as $$ declare was text; begin
        perform set_config('my.secret', 'x', false); was := whose(); perform set_config('my.secret', '', false);
        return was; end $$`);
    for (let sent = 0; sent < 4; sent++) {
      expect(await gate.rows(tenant, "select elsewhere(), secretly()")).toEqual([
        ["2024-01-01 03:00:00", "x"],
      ]);
      expect(await gate.rows(tenant, "select noon(), coalesce(whose(), '')")).toEqual([
        ["2024-01-01 12:00:00", ""],
      ]);
      expect(await gate.rows(tenant, "select coalesce(mine(), '')")).toEqual([[""]]);
    }
  });

  test("a moment that a statement names is that of its call", async () => {
    const tenant = await gate.make("moments", { connections: 1 });
    const moments = new Set<unknown>();
    for (let sent = 0; sent < 4; sent++) {
      moments.add((await gate.rows(tenant, "select 'now'::timestamptz"))[0]?.[0]);
      expect(await gate.rows(tenant, "select $1::timestamptz = now()", ["now"])).toEqual([[true]]);
    }
    expect(moments.size).toBe(4);
  });

  describe("when what a kept statement is made of changes", () => {
    const kept = "select * from items where id = $1";

    test.each([
      ["a column's type", "alter table items alter name type bytea using 'x'", [1, "\\x78"]],
      ["a column's name", "alter table items rename name to title", [1, "one"]],
      ["a column more", "alter table items add more int default 2", [1, "one", 2]],
      ["a column less", "alter table items drop name", [1]],
      ["another table of the name", "drop table items; create table items as select 1 as id", [1]],
    ])("%s, it is answered as it would be anew", async (_, change, row) => {
      for (const elsewhere of [false, true]) {
        const tenant = await alone(
          "create table items (id int, name text); insert into items values (1, 'one')",
        );
        await settle(tenant, kept, ["1"]);
        if (elsewhere) await admin(tenant, `set role ${tenantNames(tenant.id).roles.owner}; ${change}`);
        else await gate.query(tenant, { script: change });
        const { results, error } = await gate.query(tenant, { sql: kept, params: ["1"] });
        expect(error).toBeUndefined();
        expect(results[0]?.rows).toEqual([row]);
        expect(results[0]?.columns).toHaveLength(row.length);
      }
    });

    test("a parameter may be of another type: what the old one refuses is tried with the new one", async () => {
      const tenant = await alone(
        "create table items (id int, name text); insert into items values (1, 'one')",
      );
      await settle(tenant, kept, ["1"]);
      await admin(
        tenant,
        "alter table items alter id type int8; insert into items values (5000000000, 'far')",
      );
      expect(await gate.rows(tenant, kept, ["5000000000"])).toEqual([["5000000000", "far"]]);
      await settle(tenant, kept, ["1"]);
      await admin(tenant, "alter table items alter id type text");
      expect(await gate.rows(tenant, kept, ["5000000000"])).toEqual([["5000000000", "far"]]);
      const insert = "insert into items values ($1, 'new') returning id";
      await settle(tenant, insert, ["a"]);
      await admin(tenant, "delete from items; alter table items alter id type int using 1");
      expect((await gate.query(tenant, { sql: insert, params: ["b"] })).error).toMatchObject({
        sqlstate: "22P02",
      });
      expect(await gate.rows(tenant, insert, ["7"])).toEqual([[7]]);
      expect(await gate.rows(tenant, "select count(*) from items")).toEqual([["1"]]);
    });

    test("a function that fits better is found at once", async () => {
      const tenant = await alone(`create function f(int8) returns text language sql as $$ select 'int8' $$;
        create function g() returns text language plpgsql as $$ begin return f(1); end $$`);
      await settle(tenant, "select f(1)");
      await settle(tenant, "select g()");
      const sql = "create function f(int4) returns text language sql as $$ select 'int4' $$";
      expect((await gate.query(tenant, { sql })).error).toBeUndefined();
      expect(await gate.rows(tenant, "select f(1)")).toEqual([["int4"]]);
      expect(await gate.rows(tenant, "select g()")).toEqual([["int4"]]);
    });

    test("a table in an earlier schema is found at once, by all sessions", async () => {
      const tenant = await gate.make("many", { connections: 3 });
      const owner = tenantNames(tenant.id).roles.owner;
      const script = `create table items (id int, name text); insert into items values (1, 'public'); create schema ${owner}`;
      expect((await gate.query(tenant, { script })).error).toBeUndefined();
      const all = () => Promise.all(Array.from({ length: 9 }, () => gate.rows(tenant, kept, ["1"])));
      const answer = (name: string) => Array.from({ length: 9 }, () => [[1, name]]);
      for (const name of ["earlier", "once more"]) {
        await settle(tenant, kept, ["1"]);
        expect(await all()).toEqual(answer("public"));
        await all();
        const earlier = `create table ${owner}.items as select 1 as id, '${name}' as name`;
        expect((await gate.query(tenant, { script: earlier })).error).toBeUndefined();
        expect(await all()).toEqual(answer(name));
        await gate.query(tenant, { script: `drop table ${owner}.items` });
      }
    });
  });

  test("a database without the fences' function has its sessions cleaned as ever", async () => {
    const tenant = await gate.make("older", { connections: 1 });
    await admin(tenant, "set allow_system_table_mods = on; drop function pg_catalog.ow_clean_session()");
    await gate.query(tenant, { script: dirt });
    for (let sent = 0; sent < 3; sent++) {
      expect(await gate.rows(tenant, "select dirty()")).toEqual([[1]]);
      expect(await gate.rows(tenant, state)).toEqual(untouched);
    }
  });

  test("a session whose database loses the function meanwhile is cleaned all the same", async () => {
    const tenant = await alone(dirt);
    await settle(tenant, "select dirty()");
    await admin(tenant, "set allow_system_table_mods = on; drop function pg_catalog.ow_clean_session()");
    for (let sent = 0; sent < 3; sent++) {
      expect(await gate.rows(tenant, "select dirty()")).toEqual([[1]]);
      expect(await gate.rows(tenant, state)).toEqual(untouched);
    }
  });

  test("the result that is too large, the value that is refused and the caller that leaves take nothing with them", async () => {
    const tenant = await gate.make("refusing", { connections: 1, resultRows: 10 });
    await gate.query(tenant, { script: "create table items (id int primary key)" });
    const insert = "insert into items select g from generate_series(1, $1::int) g returning id";
    await settle(tenant, insert, ["0"]);
    expect((await gate.query(tenant, { sql: insert, params: ["11"] })).error).toMatchObject({
      code: "RESULT_TOO_LARGE",
    });
    expect(await gate.rows(tenant, "select count(*) from items")).toEqual([["0"]]);
    await settle(tenant, insert, ["0"]);
    await gate.rows(tenant, insert, ["1"]);
    expect((await gate.query(tenant, { sql: insert, params: ["1"] })).error).toMatchObject({
      sqlstate: "23505",
    });
    expect((await gate.query(tenant, { sql: insert, params: ["x"] })).error).toMatchObject({
      sqlstate: "22P02",
    });
    expect((await gate.query(tenant, { sql: insert, params: [] })).error).toMatchObject({
      code: "QUERY_FAILED",
    });
    expect(await gate.rows(tenant, "select count(*) from items")).toEqual([["1"]]);
  });
});
