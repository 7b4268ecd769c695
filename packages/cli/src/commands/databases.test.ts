import { describe, expect, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { OwHome } from "../testing/ow.ts";
import { hookMs, sharedPlatform } from "../testing/shared-platform.ts";

const platform = sharedPlatform();
const { home } = platform;

interface Result {
  readonly rows: readonly (readonly unknown[])[];
}

async function exec(database: string, ...args: string[]): Promise<Result["rows"]> {
  const results = await home.json<Result[]>("databases", "exec", database, ...args);
  return results.at(-1)?.rows ?? [];
}

const create = (name: string, ...args: string[]) => home.json("databases", "create", name, ...args);

describe("a database", () => {
  test("is created ready with the limits it was given, and shown without any password", async () => {
    const made = await create("shop", "--limit", "sizeBytes=10GB", "statementMs=2s");
    expect(made).toMatchObject({
      name: "shop",
      kind: "platform",
      state: "ready",
      limits: { sizeBytes: 10 * 2 ** 30, statementMs: 2_000, connections: 10 },
    });
    const shown = await home.json("databases", "show", "shop");
    expect(shown).toMatchObject({ id: made.id, users: [], tokens: [] });
    expect(shown.connect).toMatch(/^postgres:\/\/shop:TOKEN@127\.0\.0\.1:\d+\/shop$/);
    expect(await exec("shop", "show statement_timeout")).toEqual([["2s"]]);
  });

  test("runs SQL with parameters, shows rows as a table, and says where a mistake is", async () => {
    await create("sql");
    expect(await exec("sql", "create table t (id int, name text); insert into t values (1, null)")).toEqual(
      [],
    );
    await exec("sql", "insert into t values ($1, $2)", "--param", "2", "it's");
    const { stdout } = await home.ow(["databases", "exec", "sql", "select * from t order by id"]);
    expect(stdout).toStartWith("id  name\n1   NULL\n2   it's\nSELECT 2 (");
    const wrong = await home.ow(["databases", "exec", "sql", "select nothing from t"]);
    expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
    expect(wrong.stderr).toContain('column "nothing" does not exist (SQLSTATE 42703 at character 8)');
  });

  test("runs SQL that is piped in, and says that it is empty", async () => {
    await create("piped");
    const piped = await home.ow(["databases", "exec", "piped"], { stdin: 'select 1 as "One"' });
    expect([piped.code, piped.stdout.split("\n").slice(0, 2)]).toEqual([0, ["One", "1"]]);
    for (const args of [["piped"], ["piped", " "]]) {
      const empty = await home.ow(["databases", "exec", ...args]);
      expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining("The SQL is empty.")]);
    }
    const both = await home.ow(["databases", "exec", "piped", "select 1", "--file", "-"]);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("not both")]);
  });

  test("leaves no token behind that a command made for itself", async () => {
    await create("clean");
    await exec("clean", "select 1");
    expect(await home.json("databases", "show", "clean")).toMatchObject({ tokens: [] });
  });

  test("keeps what is in it under another name", async () => {
    await create("old");
    await exec("old", "create table t as select 7 as id");
    await home.json("databases", "rename", "old", "new");
    expect(await exec("new", "select * from t")).toEqual([[7]]);
    expect((await home.ow(["databases", "exec", "old", "select 1"])).code).toBe(1);
  });

  test("gets limits that hold at once", async () => {
    await create("slow");
    expect(await home.json("databases", "limits", "slow", "statementMs=50ms")).toMatchObject({
      statementMs: 50,
    });
    const { code, stderr } = await home.ow(["databases", "exec", "slow", "select pg_sleep(50)"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("57014")]);
    const unknown = await home.ow(["databases", "limits", "slow", "tables=5"]);
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('"tables=5" is no limit')]);
  });

  test("that is deleted leaves a dump which brings it back, and its name", async () => {
    await create("gone");
    await exec("gone", "create table t as select 'ünï' as text");
    const unasked = await home.ow(["databases", "delete", "gone"]);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining("--yes")]);
    const { dump } = await home.json<{ dump: { path: string } }>("databases", "delete", "gone", "--yes");
    expect((await home.ow(["databases", "exec", "gone", "select 1"])).code).toBe(1);
    expect(await home.json("databases", "dumps")).toMatchObject([{ name: "gone", path: dump.path }]);
    await create("gone");
    await home.json("databases", "restore", "gone", dump.path);
    expect(await exec("gone", "select * from t")).toEqual([["ünï"]]);
  });

  test("that is deleted without a dump leaves nothing, and one that is there no more is not found", async () => {
    await create("unkept");
    const { dump } = await home.json("databases", "delete", "unkept", "--no-dump", "--yes");
    expect(dump).toBe(null);
    const again = await home.ow(["databases", "delete", "unkept", "--no-dump", "--yes"]);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('no database "unkept"')]);
  });

  test("is copied with what is in it", async () => {
    await create("source");
    await exec("source", "create table t as select generate_series(1, 1000) as id");
    await home.json("databases", "fork", "source", "copy");
    expect(await exec("copy", "delete from t where id > 10; select count(*)::int from t")).toEqual([[10]]);
    expect(await exec("source", "select count(*)::int from t")).toEqual([[1000]]);
  });

  test("of one's own is reached by its URL when the operator lets it be, and never shown with its password", async () => {
    const url = "postgres://app:hunter2@127.0.0.1:1/crm";
    const { code, stderr } = await home.ow(["databases", "create", "crm", "--url", url]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("127.0.0.1 is an address that is not public"),
    ]);
    const socket = await home.ow(["databases", "create", "crm", "--url"], {
      stdin: "postgres:///crm?host=/run/postgresql&user=postgres",
    });
    expect([socket.code, socket.stderr]).toEqual([1, expect.stringContaining("not on a Unix socket")]);
    expect(JSON.stringify(await home.json("databases", "list"))).not.toContain("hunter2");
  });
});

describe("a token", () => {
  test("opens a session for psql and drivers with its scope, until it is revoked", async () => {
    await create("tokens");
    await exec("tokens", "create table t (id int)");
    const made = await home.json<{ connect: string; token: string }>(
      "databases",
      "tokens",
      "create",
      "tokens",
      "--name",
      "reports",
      "--scope",
      "read-only",
      "--expires",
      "30d",
    );
    const client = new Client({ connectionString: made.connect });
    const ended = new Promise((resolve) => client.on("error", resolve));
    await client.connect();
    expect((await client.query("select count(*)::int as n from t")).rows).toEqual([{ n: 0 }]);
    await expect(client.query("insert into t values (1)")).rejects.toMatchObject({ code: "25006" });
    expect(await home.json("databases", "tokens", "list", "tokens")).toMatchObject([
      { name: "reports", scope: "read-only" },
    ]);
    expect((await home.ow(["databases", "show", "tokens"])).stdout).not.toContain(made.token);
    await home.json("databases", "tokens", "revoke", "tokens", "reports");
    await ended;
    await expect(new Client({ connectionString: made.connect }).connect()).rejects.toThrow();
  });
});

describe("a dump", () => {
  test("goes to a file or a pipe, compressed or not, and comes back in one piece or not at all", async () => {
    await create("dumped");
    await exec("dumped", "create table t as select generate_series(1, 5000) as id, repeat('é', 100) as text");
    const file = join(home.folder.path, "d.sql.gz");
    await home.json("databases", "dump", "dumped", file);
    expect([...(await Bun.file(file).bytes()).subarray(0, 2)]).toEqual([0x1f, 0x8b]);
    expect((await readdir(home.folder.path)).filter((name) => name.endsWith(".part"))).toEqual([]);
    const refused = await home.ow(["databases", "dump", "dumped", file]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("is there already")]);
    await home.json("databases", "dump", "dumped", file, "--force");
    const piped = await home.ow(["databases", "dump", "dumped"]);
    expect(piped.stdout).toContain("COPY public.t (id, text) FROM stdin;\n1\té");
    await create("restored");
    await home.json("databases", "restore", "restored", file);
    const sum = "select count(*)::int, sum(id)::int, min(length(text)) from t";
    expect(await exec("restored", sum)).toEqual([[5000, 12_502_500, 100]]);
    const again = await home.ow(["databases", "restore", "restored", "-"], { stdin: piped.stdout });
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('relation "t" already exists')]);
    expect(await exec("restored", sum)).toEqual([[5000, 12_502_500, 100]]);
  });
});

describe("a project's databases", () => {
  async function project(name: string, more: object = {}): Promise<string> {
    const folder = join(home.folder.path, name);
    await mkdir(join(folder, "migrations"), { recursive: true });
    await Bun.write(
      join(folder, "wrangler.jsonc"),
      JSON.stringify({
        name,
        main: "index.js",
        compatibility_date: "2026-11-01",
        d1_databases: [{ binding: "DB", database_name: `${name}-db`, database_id: crypto.randomUUID() }],
        ...more,
      }),
    );
    await Bun.write(
      join(folder, "index.js"),
      `export default { async fetch(_, env) {
        return Response.json((await env.DB.prepare("select * from orders where id = ?").bind(1).all()).results);
      } };`,
    );
    return folder;
  }

  test("are made by its deploy, which says what migrations they lack; a worker then has what these made", async () => {
    const folder = await project("orders");
    await home.json("databases", "migrate", "create", "Add orders!", "--project", folder);
    const [file = ""] = await readdir(join(folder, "migrations"));
    expect(file).toBe("0001_add_orders.sql");
    const first = join(folder, "migrations", file);
    await Bun.write(first, "create table orders (id int primary key, name text); -- the end");
    await Bun.write(join(folder, "migrations/0002_fill.sql"), "insert into orders values (1, 'a book');");
    const deployed = await home.ow(["deploy", folder]);
    expect(deployed.code).toBe(0);
    expect(deployed.stdout).toContain("DB  database orders-db (created)");
    expect(deployed.stderr).toContain("orders-db lacks 2 migrations (0001_add_orders.sql, 0002_fill.sql)");
    expect(await home.json("databases", "migrate", "apply", "--project", folder)).toEqual([
      { database: "orders-db", applied: ["0001_add_orders.sql", "0002_fill.sql"] },
    ] as never);
    const answer = await fetch(`http://127.0.0.1:${platform.ready.port}/`, {
      headers: { host: "orders.localhost" },
    });
    expect(await answer.json()).toEqual([{ id: 1, name: "a book" }]);
    expect(await home.json("databases", "migrate", "apply", "--project", folder)).toMatchObject([
      { applied: [] },
    ]);
    expect((await home.ow(["deploy", folder])).stderr).not.toContain("lacks");
  });

  test("keep nothing of a migration that fails, and all of those before it", async () => {
    const folder = await project("broken");
    await Bun.write(join(folder, "migrations/0001_good.sql"), "create table good (id int);");
    await Bun.write(join(folder, "migrations/0002_bad.sql"), "create table half (id int); select 1/0;");
    await create("broken-db");
    const { code, stderr } = await home.ow(["databases", "migrate", "apply", "--project", folder]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("0002_bad.sql: division by zero")]);
    expect(await exec("broken-db", "select to_regclass('good')::text, to_regclass('half')::text")).toEqual([
      ["good", null],
    ]);
    expect(await home.json("databases", "migrate", "list", "--project", folder)).toMatchObject([
      { applied: [{ name: "0001_good.sql" }], pending: ["0002_bad.sql"] },
    ]);
  });

  test("cannot be deleted while a worker is bound to them, and one can be bound without a deploy", async () => {
    const folder = await project("bound");
    await home.json("deploy", folder);
    const refused = await home.ow(["databases", "delete", "bound-db", "--yes"]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("is bound by bound (as DB)")]);
    await create("other");
    await exec("other", "create table orders as select 1 as id, 'elsewhere' as name");
    await home.json("bindings", "add", "bound", "DB", "--database", "other");
    const { bindings } = await home.json<{ bindings: object[] }>("workers", "bound");
    expect(bindings).toContainEqual(
      expect.objectContaining({ name: "DB", resource: "other", source: "environment" }),
    );
  });
});

test(
  "a server of one's own that the operator permits is used like any other database, and left alone when it is deleted",
  async () => {
    await using own = new OwHome();
    // A server that is to be had wherever this runs: the platform's own way in, as somebody else's would be.
    const port = freePort();
    const env = { OW_EGRESS_ALLOW: `127.0.0.1:${port}` };
    const running = own.start(["up", "--port", "0", "--json", "--postgres-port", String(port)], { env });
    await running.line((text) => text.startsWith("{"));
    await own.json("databases", "create", "there");
    const { connect } = await own.json<{ connect: string }>(
      "databases",
      "tokens",
      "create",
      "there",
      "--scope",
      "owner",
    );
    const made = await own.ow(["databases", "create", "mine", "--url", "--json"], {
      env,
      stdin: `${connect}\n`,
    });
    expect([made.code, JSON.parse(made.stdout)]).toEqual([
      0,
      expect.objectContaining({ kind: "external", state: "ready" }),
    ]);
    await own.json("databases", "exec", "mine", "create table t as select 1 as id");
    expect(await own.json("databases", "exec", "there", "select * from t")).toMatchObject([
      { rows: [[1]] },
    ] as never);
    const copy = await own.ow(["databases", "fork", "mine", "copy"]);
    expect([copy.code, copy.stderr]).toEqual([1, expect.stringContaining("on a server of its owner's")]);
    expect(await own.json("databases", "delete", "mine", "--yes")).toMatchObject({
      deleted: true,
      dump: null,
    });
    expect(await own.json("databases", "exec", "there", "select * from t")).toMatchObject([
      { rows: [[1]] },
    ] as never);
    expect(await running.end("SIGINT")).toBe(0);
  },
  3 * hookMs,
);

function freePort(): number {
  using socket = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  return socket.port;
}
