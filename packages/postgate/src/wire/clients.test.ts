import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { temporaryDirectory } from "@openworkers/db/testing";
import postgres from "postgres";
import { tenantNames } from "../tenant.ts";
import { run, TestPlatform, tenantsServers } from "./testing/platform.ts";

const parts = new AsyncDisposableStack();
const servers = await tenantsServers(parts);
const platforms = await Promise.all(
  servers.map(async (server) => parts.use(await TestPlatform.start(server))),
);
afterAll(() => parts.disposeAsync());

/** Runs psql on a script and gives what it printed. */
async function psql(url: string, script: string, ...options: string[]): Promise<string> {
  const { code, out, err } = await run(["psql", "-XAqt", "-v", "ON_ERROR_STOP=1", ...options, url], {
    input: script,
  });
  if (code !== 0) throw new Error(err);
  return out.trim();
}

for (const platform of platforms) {
  describe(`before PostgreSQL ${platform.server.version}`, () => {
    test("psql makes tables, describes them, copies in and out, and sees its errors where they are", async () => {
      const { token } = await platform.tenant();
      const url = platform.url(token);
      const script = `
        create table points (id int primary key, label text not null);
        copy points from stdin;
${Array.from({ length: 1_000 }, (_, id) => `${id}\tpoint ${id}`).join("\n")}
\\.
        select count(*), sum(id) from points;
        copy (select label from points where id in (7, 8) order by id) to stdout;
      `;
      expect(await psql(url, script)).toBe("1000|499500\npoint 7\npoint 8");
      expect(await psql(url, "\\d points")).toContain("id|integer||not null|");
      expect(await psql(url, "\\dt")).toContain("public|points|table");
      const { code, err } = await run(["psql", "-XAqtc", "select nothing from points", url]);
      expect(code).toBe(1);
      expect(err).toContain(
        'column "nothing" does not exist\nLINE 1: select nothing from points\n               ^',
      );
    });

    test("what a client sets at its start holds, and what is no setting is refused", async () => {
      const { token } = await platform.tenant();
      const ask = (env: Record<string, string>, sql: string) =>
        run(["psql", "-XAtc", sql, platform.url(token)], { env });
      const sql =
        "select current_setting('application_name'), current_setting('search_path'), current_setting('work_mem'), current_setting('TimeZone'), current_setting('client_encoding')";
      const { out } = await ask(
        {
          PGOPTIONS: "-c search_path=a,\\ b --work-mem=1MB",
          PGAPPNAME: "mine",
          PGTZ: "Asia/Tokyo",
          PGCLIENTENCODING: "LATIN1",
        },
        sql,
      );
      expect(out.trim()).toBe("mine|a, b|1MB|Asia/Tokyo|LATIN1");
      const refusals: [string, string][] = [
        ["-c log_statement=all", 'permission denied to set parameter "log_statement"'],
        ["-c session_preload_libraries=x", 'permission denied to set parameter "session_preload_libraries"'],
        ["-c post_auth_delay=100", 'parameter "post_auth_delay" cannot be set at connection start'],
        ["-c user=postgres", 'parameter "user" cannot be set at connection start'],
        ["-c replication=true", 'parameter "replication" cannot be set at connection start'],
        ["-c nonsense=1", 'unrecognized configuration parameter "nonsense"'],
        ["-c TimeZone=Nowhere/Town", 'invalid value for parameter "TimeZone": "Nowhere/Town"'],
        ["-F", "invalid command-line argument for server process: -F"],
      ];
      for (const [options, message] of refusals) {
        const { code, err } = await ask({ PGOPTIONS: options }, "select 1");
        expect({ options, code, err }).toEqual({ options, code: 2, err: expect.stringContaining(message) });
      }
      const replication = await run([
        "psql",
        "-XAtc",
        "select 1",
        `${platform.url(token)}&replication=database`,
      ]);
      expect(replication.err).toContain("replication connections are not offered here");
    });

    test("a token's scope is its role's: one that reads is refused a change by PostgreSQL", async () => {
      const { id, token } = await platform.tenant();
      await psql(platform.url(token), "create table t (a int); insert into t values (1)");
      const reader = await platform.token(id, "read-only");
      expect(await psql(platform.url(reader.token), "select a from t")).toBe("1");
      expect(
        psql(platform.url(reader.token), "set default_transaction_read_only = off; insert into t values (2)"),
      ).rejects.toThrow("permission denied for table t");
    });

    for (const mode of ["simple", "extended", "prepared"]) {
      test(`pgbench runs with ${mode} queries, eight clients at a time, and the money adds up`, async () => {
        const { token } = await platform.tenant();
        const url = platform.url(token);
        const bench = (...options: string[]) => run(["pgbench", ...options, url]);
        const made = await bench("-i", "-s", "1", "-q");
        expect({ code: made.code, err: made.code === 0 ? "" : made.err }).toEqual({ code: 0, err: "" });
        const { code, out, err } = await bench("-M", mode, "-c", "8", "-t", "25", "-n");
        expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
        expect(out).toContain("number of transactions actually processed: 200/200");
        expect(
          await psql(
            url,
            "select count(*), (select sum(abalance) from pgbench_accounts) = sum(delta) from pgbench_history",
          ),
        ).toBe("200|t");
      });
    }

    test("a connection for each transaction leaves no session behind", async () => {
      const { id, token } = await platform.tenant();
      const url = platform.url(token);
      expect((await run(["pgbench", "-i", "-s", "1", "-q", url])).code).toBe(0);
      const { code, out } = await run(["pgbench", "-S", "-C", "-c", "4", "-t", "20", "-n", url]);
      expect(code).toBe(0);
      expect(out).toContain("number of transactions actually processed: 80/80");
      await platform.sessions(id, 0);
    });

    const schema = `
      create table parents (id serial primary key, doc jsonb);
      create table children (parent int references parents, data bytea);
      create index on children (parent);
      create view both_of as select * from parents join children on parent = id;
      create function twice(int) returns int language sql as 'select $1 * 2';
      insert into parents (doc) select jsonb_build_object('n', n) from generate_series(1, 500) n;
      insert into children select id, decode(repeat('ff00', 100), 'hex') from parents;
      select lo_from_bytea(0, 'a large object');`;
    const contents = `
      select count(*), sum((doc->>'n')::int), sum(length(data)), twice(21) from both_of;
      select convert_from(lo_get(oid), 'utf8') from pg_largeobject_metadata;`;

    // pg_dump refuses a server that is newer than itself, and Debian 12 has 15 alone.
    test.skipIf(platform.server.version > 15)(
      "what pg_dump writes, psql reads into another database",
      async () => {
        const [from, to] = [await platform.tenant(), await platform.tenant()];
        await psql(platform.url(from.token), schema);
        const file = join(temporaryDirectory(), "dump.sql");
        const dump = ["pg_dump", "--no-owner", "--no-privileges", "-f", file, platform.url(from.token)];
        expect(await run(dump)).toMatchObject({ code: 0, err: "" });
        await psql(platform.url(to.token), await Bun.file(file).text());
        expect(await psql(platform.url(to.token), contents)).toBe("500|125250|100000|42\na large object");
      },
    );

    // An archive holds the settings of the database, which are in a catalog of all tenants' that none of them reads.
    test.skipIf(platform.server.version > 15)(
      "an archive from elsewhere is restored by pg_restore",
      async () => {
        const [from, to] = [await platform.tenant(), await platform.tenant()];
        await psql(platform.url(from.token), schema);
        const { host, port, user, password = "" } = platform.server.address;
        const file = join(temporaryDirectory(), "dump");
        const { database } = tenantNames(from.id);
        const admin = ["-h", host, "-p", String(port), "-U", user, "-d", database];
        const dumped = await run(["pg_dump", "-Fc", "-f", file, ...admin], { env: { PGPASSWORD: password } });
        expect(dumped).toMatchObject({ code: 0, err: "" });
        const restore = ["pg_restore", "--no-owner", "--no-privileges", "--clean", "--if-exists"];
        const restored = await run([...restore, "--schema=public", "-d", platform.url(to.token), file]);
        expect(restored).toMatchObject({ code: 0, err: "" });
        expect(await psql(platform.url(to.token), "select count(*) from both_of")).toBe("500");
      },
    );

    test.if(platform.server.version > 15)(
      "a pg_dump that is too old for the server says so itself",
      async () => {
        const { token } = await platform.tenant();
        const { code, err } = await run(["pg_dump", platform.url(token)]);
        expect(code).toBe(1);
        expect(err).toContain("aborting because of server version mismatch");
      },
    );

    test("pg: parameters, types, a failed statement and what follows it", async () => {
      const { token } = await platform.tenant();
      const client = await platform.connect(token, { ssl: { rejectUnauthorized: false } });
      const { rows } = await client.query("select $1::int8 as big, $2::bytea as bytes, $3::jsonb as doc", [
        "9223372036854775807",
        Buffer.from([0, 255]),
        { a: [1] },
      ]);
      expect(rows).toEqual([{ big: "9223372036854775807", bytes: Buffer.from([0, 255]), doc: { a: [1] } }]);
      expect(client.query("select 1/0")).rejects.toMatchObject({ code: "22012" });
      expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    });

    test("postgres.js: pipelined prepared statements, a transaction that rolls back, a cursor", async () => {
      const { token } = await platform.tenant();
      const sql = postgres(platform.url(token), { max: 3, onnotice: () => {} });
      try {
        await sql`create table t (a int primary key)`;
        const squares = await Promise.all(
          Array.from({ length: 100 }, (_, n) => sql`select ${n}::int * ${n}::int as square`),
        );
        expect(squares.map(([row]) => row?.square)).toEqual(Array.from({ length: 100 }, (_, n) => n * n));
        await sql`insert into t ${sql([{ a: 1 }, { a: 2 }])}`;
        const failed = sql.begin(async (transaction) => {
          await transaction`delete from t`;
          await transaction`select no_such_function()`;
        });
        expect(failed).rejects.toMatchObject({ code: "42883" });
        await failed.catch(() => {});
        const seen: number[] = [];
        await sql`select a from t order by a`.cursor(1, ([row]) => void seen.push(row?.a));
        expect(seen).toEqual([1, 2]);
      } finally {
        await sql.end();
      }
    });

    test("LISTEN hears NOTIFY of another session", async () => {
      const { token } = await platform.tenant();
      const [listener, speaker] = [await platform.connect(token), await platform.connect(token)];
      const heard = Promise.withResolvers<string | undefined>();
      listener.on("notification", ({ payload }) => heard.resolve(payload));
      await listener.query("listen news");
      await speaker.query("select pg_notify('news', 'hello')");
      expect(await heard.promise).toBe("hello");
    });

    test("large objects are written and read", async () => {
      const { token } = await platform.tenant();
      const file = join(temporaryDirectory(), "object");
      await Bun.write(file, "x".repeat(300_000));
      const url = platform.url(token);
      expect(await psql(url, `\\lo_import ${file}\nselect length(lo_get(:LASTOID));`)).toContain("300000");
    });

    test("protocol 3.2 and extensions are answered with what is spoken", async () => {
      const { token } = await platform.tenant();
      // What a newer libpq sends when it is told to ask for the latest.
      const body = Buffer.from("\0\u0003\0\u0002user\0u\0_pq_.wish\0on\0\0", "latin1");
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length + 4);
      const answer = Promise.withResolvers<Buffer>();
      using socket = await Bun.connect({
        hostname: "127.0.0.1",
        port: platform.port,
        socket: { data: (_, bytes) => answer.resolve(bytes) },
      });
      socket.write(Buffer.concat([head, body]));
      const bytes = await answer.promise;
      expect(bytes.toString("latin1")).toStartWith("v\0\0\0\u0016\0\0\0\0\0\0\0\u0001_pq_.wish\0");
      expect(token).toBeString();
    });
  });
}
