import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { DatabaseScope } from "@openworkers/core";
import type { Tenant } from "../tenant.ts";
import { read, TestPostgate, until } from "../testing/test-postgate.ts";
import { testServers } from "../testing/test-server.ts";
import { testSettings } from "../testing/test-tenants.ts";

describe.each(testServers)("%s", (_, start) => {
  const stack = new AsyncDisposableStack();
  let gate: TestPostgate;
  let tenant: Tenant;

  beforeAll(async () => {
    // A server that does not look whether its client is there: what ends a statement must be a cancel.
    const sessionSettings = (of: Tenant, scope: DatabaseScope) => ({
      ...testSettings(of, scope),
      client_connection_check_interval: "0",
    });
    gate = stack.use(await TestPostgate.open(stack.use(await start()), { sessionSettings }));
    tenant = await gate.make("app", { resultRows: 1_000, resultBytes: 100_000, connections: 3 });
    await gate.query(tenant, { sql: "create table items (id int8 primary key, name text)" });
  });
  afterAll(() => stack.disposeAsync());
  beforeEach(async () => {
    await gate.query(tenant, { sql: "truncate items" });
    gate.events.length = 0;
  });

  const count = async () => (await gate.rows(tenant, "select count(*) from items"))[0]?.[0];

  /** That the next call finds a connection that works. */
  const works = async () => expect(await gate.rows(tenant, "select 1")).toEqual([[1]]);

  describe("a statement", () => {
    test("says what it did and to how many rows", async () => {
      const { results } = await gate.query(tenant, { sql: "insert into items values (1, 'a'), (2, 'b')" });
      expect(results).toMatchObject([{ columns: [], rows: [], command: "INSERT", rowCount: 2 }]);
      const listed = await gate.query(tenant, { sql: "select id, name from items order by id" });
      expect(listed.results).toMatchObject([
        {
          rows: [
            ["1", "a"],
            ["2", "b"],
          ],
          command: "SELECT",
          rowCount: 2,
        },
      ]);
      const made = await gate.query(tenant, { sql: "create temp table t ()" });
      expect(made.results).toMatchObject([{ command: "CREATE TABLE", rowCount: 0 }]);
      expect((await gate.query(tenant, { sql: "" })).results).toMatchObject([{ command: "", rowCount: 0 }]);
    });

    test("that fails says why and where, and nothing of the inside", async () => {
      const { status, error } = await gate.query(tenant, { sql: "select nothing from items" });
      expect(status).toBe(400);
      expect(error).toMatchObject({ code: "QUERY_FAILED", sqlstate: "42703", position: 8 });
      await gate.query(tenant, { sql: "insert into items values (1, 'a')" });
      const twice = await gate.query(tenant, {
        sql: "insert into items values ($1, $2)",
        params: ["1", "b"],
      });
      expect(twice.error).toMatchObject({
        sqlstate: "23505",
        constraint: "items_pkey",
        table: "items",
        detail: "Key (id)=(1) already exists.",
      });
      const role = await gate.query(tenant, {
        sql: "do $$ begin execute 'set role ' || 'nobody_' || current_user; end $$",
      });
      expect(JSON.stringify(role.error)).not.toContain(tenant.id.replaceAll("-", ""));
      expect(Object.keys(role.error ?? {})).not.toContain("where");
      await works();
    });

    test("may not be two, and holds no NUL", async () => {
      expect((await gate.query(tenant, { sql: "select 1; select 2" })).error).toMatchObject({
        sqlstate: "42601",
      });
      expect((await gate.query(tenant, { sql: "select '\0'" })).error).toMatchObject({
        code: "INVALID_INPUT",
      });
      expect((await gate.query(tenant, { sql: "select $1", params: ["\0"] })).error).toMatchObject({
        code: "INVALID_INPUT",
      });
      await works();
    });

    test.each([
      "begin",
      " -- c\n/* a /* b */ c */ COMMIT",
      "--x\rrollback",
      "listen a",
      "copy items from stdin",
      "; abort",
    ])("%p, which would end with the call, is refused", async (sql) => {
      expect((await gate.query(tenant, { sql })).error).toMatchObject({ code: "INVALID_INPUT" });
      expect((await gate.query(tenant, { batch: [{ sql: "select 1" }, { sql }] })).error).toMatchObject({
        code: "INVALID_INPUT",
      });
    });

    test("that cannot run in a transaction runs", async () => {
      expect((await gate.query(tenant, { sql: "vacuum items" })).error).toBeUndefined();
      const index = "create index concurrently items_name on items (name)";
      expect((await gate.query(tenant, { sql: index })).error).toBeUndefined();
    });

    test("which a deferred constraint refuses at its commit has failed", async () => {
      await gate.query(tenant, {
        script: "create table if not exists late (id int unique deferrable initially deferred)",
      });
      for (const tail of ["", " returning id"]) {
        const { error } = await gate.query(tenant, { sql: `insert into late values (1), (1)${tail}` });
        expect(error).toMatchObject({ sqlstate: "23505" });
      }
      expect(await gate.rows(tenant, "select * from late")).toEqual([]);
    });
  });

  describe("a batch", () => {
    test("is one transaction: all of it happens or nothing", async () => {
      const insert = { sql: "insert into items values ($1, 'x') returning id", params: ["1"] };
      const failed = await gate.query(tenant, { batch: [insert, { sql: "select 1" }, insert] });
      expect(failed.error).toMatchObject({ sqlstate: "23505", statement: 2 });
      expect(await count()).toBe("0");
      const done = await gate.query(tenant, { batch: [insert, { sql: "select count(*) from items" }] });
      expect(done.results).toMatchObject([{ rows: [["1"]] }, { rows: [["1"]] }]);
      expect(await count()).toBe("1");
    });

    test("of a thousand statements answers each", async () => {
      const batch = Array.from({ length: 1_000 }, (_, id) => ({
        sql: "insert into items values ($1)",
        params: [`${id}`],
      }));
      const wide = await gate.make("wide", { resultBytes: 10 ** 7 });
      await gate.query(wide, { sql: "create table items (id int8 primary key)" });
      expect((await gate.query(wide, { batch })).results).toHaveLength(1_000);
    });

    test("cannot end its own transaction from within", async () => {
      await gate.query(tenant, {
        sql: "create or replace procedure p() language plpgsql as 'begin commit; end'",
      });
      const batch = [{ sql: "insert into items values (1)" }, { sql: "call p()" }];
      expect((await gate.query(tenant, { batch })).error).toMatchObject({ sqlstate: "2D000" });
      expect(await count()).toBe("0");
    });
  });

  describe("a script", () => {
    test("is one transaction of several statements", async () => {
      const done = await gate.query(tenant, {
        script: "insert into items values (1); ; select 'a;b', id from items",
      });
      expect(done.results).toMatchObject([{ command: "INSERT" }, { rows: [["a;b", "1"]] }]);
      const failed = await gate.query(tenant, { script: "insert into items values (2); select 1/0" });
      expect(failed.error).toMatchObject({ sqlstate: "22012" });
      expect(await count()).toBe("1");
    });

    test("that ends its transaction, or leaves one open, leaves a clean connection", async () => {
      for (const script of [
        "begin; insert into items values (1); commit; select 1",
        "begin; select 1",
        "rollback; begin",
      ]) {
        expect((await gate.query(tenant, { script })).error).toBeUndefined();
        await works();
      }
      expect(await count()).toBe("1");
    });

    test.each(["copy items from stdin", "copy items to stdout", "select 1; copy items to stdout; select 2"])(
      "with %p is refused, and undone",
      async (script) => {
        const { error } = await gate.query(tenant, { script: `insert into items values (9); ${script}` });
        expect(error).toMatchObject({ code: "INVALID_INPUT" });
        await works();
        expect(await count()).toBe("0");
      },
    );
  });

  describe("a result that is too large", () => {
    test.each([
      ["rows", "insert into items select g from generate_series(1, 1001) g returning id"],
      ["bytes", "insert into items select g, repeat('x', 1000) from generate_series(1, 100) g returning *"],
      ["one value", "insert into items values (1, repeat('x', 100001)) returning name"],
    ])("takes back what the statement did: %s", async (_, sql) => {
      for (const body of [
        { sql },
        { batch: [{ sql: "insert into items values (-1)" }, { sql }] },
        { script: `${sql}; select 1` },
      ]) {
        const { status, error } = await gate.query(tenant, body);
        expect(status).toBe(413);
        expect(error).toMatchObject({ code: "RESULT_TOO_LARGE" });
        expect(await count()).toBe("0");
      }
      expect(gate.events.map(({ kind }) => kind)).toEqual([
        "query-cancelled",
        "query-cancelled",
        "query-cancelled",
      ]);
    });

    test("ends its session: a value that is larger than all that is allowed is not waited for", async () => {
      const { status } = await gate.query(tenant, { sql: "select repeat('x', 30000000)" });
      expect(status).toBe(413);
      await until(async () => (await gate.sessions(tenant)) <= 1);
      await works();
    });

    test("may have just as many rows as the limit", async () => {
      const { results } = await gate.query(tenant, { sql: "select g from generate_series(1, 1000) g" });
      expect(results[0]?.rowCount).toBe(1_000);
    });
  });

  describe("what runs too long", () => {
    test("is cancelled even when it has switched PostgreSQL's own timeout off", async () => {
      const hasty = await gate.make("hasty", { statementMs: 50 });
      const own = await gate.query(hasty, { sql: "select pg_sleep(3600)" });
      expect(own.error).toMatchObject({ code: "QUERY_FAILED", sqlstate: "57014" });
      const script = "set statement_timeout = 0; select pg_sleep(3600)";
      const ours = await gate.query(hasty, { script });
      expect(ours.error).toMatchObject({ code: "QUERY_FAILED", sqlstate: "57014" });
      await until(async () => (await gate.sessions(hasty)) <= 1);
      expect(await gate.rows(hasty, "select 1")).toEqual([[1]]);
    });

    test("is cancelled when its caller leaves, and rolled back", async () => {
      const leaving = new AbortController();
      const script = "insert into items values (5); select pg_sleep(3600)";
      const call = gate.query(tenant, { script }, leaving.signal);
      const sleeping = `select from pg_stat_activity where state = 'active' and query like '%pg_sleep(3600)' and pid <> pg_backend_pid()`;
      await until(async () => (await gate.tenants.admin(sleeping)).length === 1);
      leaving.abort();
      expect((await call).error).toMatchObject({ code: "QUERY_FAILED" });
      await until(async () => (await gate.tenants.admin(sleeping)).length === 0);
      expect(await count()).toBe("0");
      expect(gate.events).toMatchObject([
        { kind: "query-cancelled", principal: { tenant: { name: "app" } } },
      ]);
      expect(JSON.stringify(gate.events.map(({ kind, ...rest }) => ({ kind, ...rest })))).not.toContain(
        "insert into",
      );
    });
  });

  test("nothing is left of a call on its connection", async () => {
    const alone = await gate.make("alone", { connections: 1 });
    const pid = () => gate.rows(alone, "select pg_backend_pid()");
    const before = await pid();
    await gate.query(alone, {
      script: `
        set statement_timeout = 1; set timezone = 'Asia/Tokyo'; set search_path = nowhere; set role = none;
        select set_config('my.secret', 'x', false), set_config('work_mem', '64kB', false);
        prepare mine as select 1; declare held cursor with hold for select 1;
        create temp table left_over (); create temp sequence s; select nextval('s');
        select pg_advisory_lock(1), pg_advisory_lock_shared(2); listen news;`,
    });
    const state = await gate.query(alone, {
      sql: `select current_setting('timezone'), current_setting('statement_timeout'), current_setting('search_path'),
        coalesce(current_setting('my.secret', true), ''), current_setting('work_mem') <> '64kB',
        (select count(*) from pg_prepared_statements where name <> ''), (select count(*) from pg_cursors where name <> ''),
        to_regclass('left_over'), (select count(*) from pg_locks where locktype = 'advisory' and database =
          (select oid from pg_database where datname = current_database())),
        (select count(*) from pg_listening_channels())`,
    });
    expect(state.results[0]?.rows).toEqual([
      ["UTC", "30s", '"$user", public', "", true, "0", "0", null, "0", "0"],
    ]);
    expect((await gate.query(alone, { sql: "select lastval()" })).error).toMatchObject({ sqlstate: "55000" });
    expect(await pid()).toEqual(before);
  });

  test("a statement runs as its scope's role", async () => {
    const roleOf = async (scope: "owner" | "read-only" | "read-write", full: boolean) => {
      gate.tenants.change({ ...tenant, full });
      const face = gate.postgate.listenHttp({});
      const token = gate.tenants.token({ ...tenant, full }, scope);
      const response = await fetch(`${face.url}query`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ sql: "select replace(current_user, current_database(), '')" }),
      });
      return (await read(response)).results[0]?.rows[0]?.[0];
    };
    expect(await roleOf("owner", false)).toBe("");
    expect(await roleOf("read-write", false)).toBe("_rw");
    expect(await roleOf("read-only", false)).toBe("_ro");
    expect(await roleOf("owner", true)).toBe("_rd");
    gate.tenants.change(tenant);
  });
});
