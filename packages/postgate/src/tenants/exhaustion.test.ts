import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DatabaseId, type DatabaseLimits, defaultDatabaseLimits } from "@openworkers/core";
import { sql } from "kysely";
import { type TestServer, testServers } from "../testing/test-server.ts";
import { TenantServer } from "./tenant-server.ts";
import { errorCode, makeTenant, openSession, outcome, type PlatformTenant } from "./testing/tenants.ts";
import { type Bite, type Offence, Watchdog } from "./watchdog.ts";

const patient: Partial<DatabaseLimits> = { statementMs: 60_000, tempFileBytes: 2 ** 40 };
const tight: Partial<DatabaseLimits> = {
  statementMs: 2_000,
  tempFileBytes: 32 * 2 ** 20,
  idleInTransactionMs: 300,
};

/** What asks for more than there is, and how it may end: its rows, or the SQLSTATE. */
const greedy: readonly (readonly [name: string, statements: string, ...ends: string[]])[] = [
  ["pg_sleep", "select pg_sleep(3600)", "57014"],
  ["a generate_series bomb", "select count(*) from generate_series(1, 1000000000000)", "57014", "53400"],
  [
    "a join of everything with everything",
    "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 100000) c",
    "57014",
    "53400",
  ],
  [
    "a recursive query without end",
    "with recursive bomb(n) as (select 1 union all select n + 1 from bomb) select count(*) from bomb",
    "57014",
    "53400",
    "22003",
  ],
  [
    "a recursive query that doubles",
    "with recursive bomb(n) as (select 1 union all select n from bomb, generate_series(1, 2)) select count(*) from bomb",
    "57014",
    "53400",
    "53200",
  ],
  [
    "a recursive query of large rows",
    "with recursive bomb(x) as (select repeat('x', 1000000) union all select x || 'x' from bomb) select max(length(x)) from bomb",
    "57014",
    "53400",
    "53200",
  ],
  [
    "temporary files",
    "set work_mem = '64kB'; select count(*) from (select g, repeat(md5(g::text), 30) x from generate_series(1, 10000000) g order by x offset 0) s",
    "53400",
  ],
  [
    "a sort in memory without end",
    "set work_mem = '100GB'; select count(*) from (select repeat(md5(g::text), 100) x from generate_series(1, 10000000) g order by x offset 0) s",
    "53200",
  ],
  [
    "a hash in memory without end",
    "set work_mem = '100GB'; set hash_mem_multiplier = 1000; select count(*) from (select repeat(md5(g::text), 100) x from generate_series(1, 10000000) g group by 1) s",
    "53200",
    "53400",
  ],
  [
    "temp_buffers",
    "set temp_buffers = '7GB'; create temp table t (a text); insert into t select repeat(md5(g::text), 50) from generate_series(1, 2000000) g; select count(*)::int from t",
    "53200",
    "42501",
    "57014",
    "53100",
  ],
  [
    "one large value",
    "select length(repeat('x', 1000000000) || repeat('y', 1000000000))",
    "57014",
    "54000",
    "53200",
  ],
  [
    "many large values",
    "select array_length(array_agg(repeat('x', 100000000) || g), 1) from generate_series(1, 100) g",
    "54000",
    "53200",
  ],
  [
    "an array without end",
    "select array_length(array_agg(g), 1) from generate_series(1, 1000000000) g",
    "57014",
    "54000",
    "53200",
    "53400",
  ],
  [
    "a function that calls itself",
    "create function again() returns int language plpgsql as 'begin return again(); end'; select again()",
    "54001",
  ],
  ["deep json", "select repeat('[', 10000000)::json", "54001"],
  [
    "a regular expression that backtracks",
    "select repeat('a', 100000) ~ '(a|aa|aaa|b)*?(a|b){3,200}(a+)+$(c|d)'",
    "57014",
    "2201B",
    "54001",
    "[[false]]",
  ],
  ["a factorial", "select length(factorial(1000000)::text)", "57014", "22003"],
  [
    "a password hash that takes days",
    "create extension pgcrypto; select crypt('x', gen_salt('bf', 31))",
    "57014",
  ],
  ["a lock that another session holds", "select pg_advisory_lock(1)", "57014", "55P03"],
];

for (const [name, start] of testServers) {
  describe(`on ${name}`, () => {
    let postgres: TestServer;
    let server: TenantServer;
    let neighbour: PlatformTenant;
    let watchdog: Watchdog;
    const tenants = new Map<DatabaseId, PlatformTenant>();
    const bites: Bite[] = [];
    let bitten = Promise.withResolvers<void>();

    async function tenant(name: string, limits: Partial<DatabaseLimits> = tight): Promise<PlatformTenant> {
      const made = await makeTenant(server, name, limits);
      tenants.set(made.id, made);
      return made;
    }

    /** Waits until the watchdog has done something about the tenant. */
    async function biteOf({ id }: PlatformTenant, offence: Offence, action: Bite["action"]): Promise<Bite> {
      for (;;) {
        const found = bites.find(
          (bite) => bite.tenant === id && bite.offence === offence && bite.action === action,
        );
        if (found !== undefined) return found;
        await bitten.promise;
      }
    }

    beforeAll(async () => {
      postgres = await start();
      server = TenantServer.connect(postgres.url);
      await server.prepare();
      await server.read((queries) => sql`alter system set autovacuum_naptime = '1s'`.execute(queries));
      await server.read((queries) => sql`select pg_reload_conf()`.execute(queries));
      neighbour = await makeTenant(server, "neighbour");
      watchdog = await Watchdog.start(server, {
        limits: async (id) => tenants.get(id)?.limits ?? defaultDatabaseLimits,
        onBite: (bite) => {
          bites.push(bite);
          bitten.resolve();
          bitten = Promise.withResolvers();
        },
        onError: (thrown) => console.error(thrown),
        analyzeMs: 500,
      });
    });

    afterAll(async () => {
      await watchdog[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    });

    /** Has a neighbour work while `work` is under way: each of its statements must succeed. */
    async function besideNeighbour<T>(work: () => Promise<T>): Promise<T> {
      await using session = await openSession(server, neighbour, "owner");
      await session.query("create table if not exists rows (id serial primary key, a text)");
      let over = false;
      let done = 0;
      const working = (async () => {
        do {
          expect(
            await outcome(session, "insert into rows (a) values (md5(random()::text)) returning 1"),
          ).toBe("[[1]]");
          expect(await outcome(session, "select count(*) > 0 from rows")).toBe("[[true]]");
          await using another = await openSession(server, neighbour, "read-only");
          expect(await outcome(another, "select 1")).toBe("[[1]]");
          done += 1;
        } while (!over);
      })();
      try {
        return await work();
      } finally {
        over = true;
        await working;
        expect(done).toBeGreaterThan(0);
      }
    }

    test.each(greedy)("%s ends by itself, and the neighbour goes on", async (_, statements, ...ends) => {
      // Where memory is the limit to be met, there is time and disk enough for it.
      const hostile = await tenant("greedy", /^53200|^54000/.test(ends[0] ?? "") ? patient : tight);
      await using holder = await openSession(server, hostile);
      await holder.query("select pg_advisory_lock(1)");
      const end = await besideNeighbour(async () => {
        await using session = await openSession(server, hostile);
        const first = await outcome(session, statements);
        // The session goes on, too.
        expect(await outcome(session, "rollback; select 1")).toBe("[[1]]");
        return first;
      });
      expect(ends).toContain(end);
    });

    test("a statement without its timeout is cancelled", async () => {
      const hostile = await tenant("timeless");
      await using session = await openSession(server, hostile, "read-only");
      const end = await besideNeighbour(() =>
        outcome(session, "set statement_timeout = 0; select pg_sleep(3600)"),
      );
      expect(end).toBe("57014");
      const bite = await biteOf(hostile, "statement", "cancelled");
      expect(bite).toMatchObject({ role: "read-only", application: "timeless", allowed: 2_000 });
    });

    test("a function that catches its cancellation is ended with its session", async () => {
      const hostile = await tenant("stubborn");
      await using session = await openSession(server, hostile);
      await session.query(`create function stubborn() returns void language plpgsql as $$ begin
        loop begin perform pg_sleep(3600); exception when query_canceled then null; end; end loop; end $$`);
      const end = await besideNeighbour(() => outcome(session, "select stubborn()"));
      expect(end).toBe("57P01");
      await biteOf(hostile, "statement", "terminated");
    });

    test("a session that keeps a transaction open is ended, whatever it set", async () => {
      const hostile = await tenant("idle");
      await using session = await openSession(server, hostile);
      await session.query("set idle_in_transaction_session_timeout = 0; begin; select 1");
      await biteOf(hostile, "idle-in-transaction", "terminated");
      await expect(session.query("select 1")).rejects.toThrow();
    });

    test("a transaction that goes on for ever in short statements is ended", async () => {
      const hostile = await tenant("endless", { statementMs: 150, idleInTransactionMs: 150 });
      await using session = await openSession(server, hostile);
      await session.query("begin");
      let ended: unknown;
      while (ended === undefined)
        ended = await session.query("select pg_sleep(0.05)").then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      expect(errorCode(ended)).toBe("57P01");
      await biteOf(hostile, "transaction", "terminated");
    });

    test("a tenant that takes the locks of all is shut out, and the others have them again", async () => {
      const hostile = await tenant("locker");
      await using session = await openSession(server, hostile);
      await outcome(
        session,
        "select count(pg_advisory_lock(g)) from (select generate_series(1, 10000000) as g) s",
      ).catch(() => "ended");
      const bite = await biteOf(hostile, "locks", "suspended");
      expect(bite.measured).toBeGreaterThan(bite.allowed);
      const refused = await openSession(server, hostile).catch((thrown: unknown) => errorCode(thrown));
      expect(refused).toBe("28000");
      await besideNeighbour(async () => {
        await using other = await openSession(server, neighbour);
        expect(
          await outcome(other, "select count(pg_advisory_lock(g)) from generate_series(1, 1000) g"),
        ).toBe('[["1000"]]');
      });
    });

    test("who holds back the queue that all NOTIFY through is ended", async () => {
      const hostile = await tenant("notifier", { statementMs: 60_000 });
      await using listener = await openSession(server, hostile);
      await listener.query("listen flood");
      await listener.query("begin; select 1");
      await using sender = await openSession(server, hostile);
      await sender.query("set statement_timeout = 0");
      // 8 GB is all that there is; a twentieth of it is too much.
      let ended = false;
      void biteOf(hostile, "notify-queue", "terminated").then(() => {
        ended = true;
      });
      while (!ended) {
        const sent = await outcome(
          sender,
          "select count(pg_notify('flood', repeat('x', 7900) || g)) from generate_series(1, 5000) g",
        ).catch(() => "ended");
        if (sent === "ended") break;
      }
      await biteOf(hostile, "notify-queue", "terminated");
      const usage = sql<{ usage: number }>`select pg_notification_queue_usage() as usage`;
      await besideNeighbour(async () => {
        await using other = await openSession(server, neighbour);
        await other.query("notify whatever");
      });
      await listener.end();
      await sender.end();
      await using fresh = await openSession(server, neighbour);
      await fresh.query("listen whatever; notify whatever");
      expect((await server.read((queries) => usage.execute(queries))).rows[0]?.usage).toBeLessThan(0.05);
    });

    test("an index whose function never ends does not keep autovacuum", async () => {
      const hostile = await tenant("vacuumed");
      await using session = await openSession(server, hostile);
      await session.query(`
        create function slow(a int) returns int immutable language plpgsql as $$ begin
          if current_setting('application_name') not in ('vacuumed') then perform pg_sleep(3600); end if; return a; end $$;
        create table slow (a int);
        create index on slow (slow(a));
        alter table slow set (autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0);
        insert into slow select generate_series(1, 1000)`);
      const bite = await biteOf(hostile, "analyze", "cancelled");
      expect(bite.role).toBe(undefined);
      await using fresh = await openSession(server, hostile);
      const off =
        "select reloptions::text like '%autovacuum_enabled=off%' from pg_class where relname = 'slow'";
      while ((await outcome(fresh, off)) !== "[[true]]") await Bun.sleep(50);
    });
  });
}
