import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { McpSession } from "../testing/mcp.ts";
import type { OwOptions, OwResult } from "../testing/ow.ts";
import { hookMs, sharedPlatform } from "../testing/shared-platform.ts";

const platform = sharedPlatform({ api: true });
const { home } = platform;

const email = "ada@example.com";
const password = "correct horse battery";
let key: string;

const apiUrl = () => `http://api.localhost:${platform.ready.port}`;

/** A request to the API, wherever names under localhost lead here. */
async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("host", `api.localhost:${platform.ready.port}`);
  return await fetch(`http://127.0.0.1:${platform.ready.port}/v1${path}`, { ...init, headers });
}

async function ow(args: readonly string[], options: OwOptions = {}): Promise<OwResult> {
  return await home.ow(args, options);
}

/** As CI has it: no login, but a key. */
const asKey = (): OwOptions => ({ env: { OW_API_URL: apiUrl(), OW_TOKEN: key } });

beforeAll(async () => {
  const { setupUrl } = platform.ready.api ?? {};
  const token = new URL(setupUrl ?? "").searchParams.get("token");
  // A deploy reaches the runner by a notification, and so do those of the platform's own workers.
  for (let status = 0; status !== 401; ) ({ status } = await ask("/auth/me"));
  const made = await ask("/auth/setup", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password, token }),
  });
  expect(made.status).toBe(201);
}, hookMs);

describe("ow login", () => {
  test("signs in with e-mail and password; commands work through the API from then on", async () => {
    const login = await ow(["login", apiUrl(), "--email", email, "--name", "here"], {
      stdin: `${password}\n`,
    });
    expect(login).toMatchObject({ code: 0, stderr: "" });
    expect(login.stdout).toContain(`Signed in to ${apiUrl()} as ada`);
    const whoami = await home.json("whoami");
    expect(whoami).toMatchObject({ name: "ada", isOperator: true, url: apiUrl() });
    expect(await home.json<unknown[]>("workers")).toEqual([]);
    expect(await home.json<object[]>("audit")).toContainEqual(
      expect.objectContaining({ user: "ada", action: "session.create" }),
    );
  });

  test("keeps the token for this user alone, and shows it nowhere", async () => {
    const folder = join(home.folder.path, "home/logins");
    expect(readdirSync(folder)).toEqual(["here.json"]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "here.json")).mode & 0o777).toBe(0o600);
    const { token } = await Bun.file(join(folder, "here.json")).json();
    expect(token.length).toBeGreaterThan(20);
    for (const args of [
      ["profile", "list"],
      ["profile", "show"],
      ["whoami"],
      ["profile", "list", "--json"],
    ]) {
      const { code, stdout, stderr } = await ow(args);
      expect({ args, code, told: `${stdout}${stderr}`.includes(token) }).toEqual({
        args,
        code: 0,
        told: false,
      });
    }
  });

  test("refuses a wrong password and keeps what there was", async () => {
    const wrong = await ow(["login", apiUrl(), "--email", email, "--name", "other"], {
      stdin: "wrong wrong wrong",
    });
    expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
    expect((await ow(["profile", "show", "other"])).code).toBe(1);
    expect((await ow(["whoami"])).code).toBe(0);
  });

  test("refuses to send a password to another machine unencrypted, and where nobody can be asked", async () => {
    const plain = await ow(["login", "http://api.example.com", "--email", email], { stdin: password });
    expect([plain.code, plain.stderr]).toEqual([1, expect.stringContaining("is not encrypted")]);
    const nobody = await ow(["login", apiUrl()]);
    expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining("Nobody can be asked")]);
  });

  test("takes a key from standard input, and none that the API does not know", async () => {
    key = (await ow(["keys", "create", "ci", "--expires", "1d"])).stdout.trim();
    expect(key).toStartWith("ow_");
    const login = await ow(["login", apiUrl(), "--token", "--name", "keyed"], { stdin: `${key}\n` });
    expect(login.code).toBe(0);
    const unknown = await ow(["login", apiUrl(), "--token", "--name", "none"], { stdin: "ow_unknown" });
    expect([unknown.code, unknown.stdout]).toEqual([1, ""]);
    expect(await home.json("profile", "list")).toMatchObject([
      { name: "here", kind: "api", current: false },
      { name: "keyed", kind: "api", current: true },
      { kind: "running" },
    ]);
    expect((await ow(["logout"])).code).toBe(0);
    expect((await ow(["profile", "use", "here"])).code).toBe(0);
  });
});

describe("through the API", () => {
  test("a worker is deployed, configured, seen in its logs and rolled back, without a sandbox here", async () => {
    await home.folder.write({
      "remote.ts": `export default { fetch(_, env) { console.log("asked"); return new Response(env.A ?? "none"); } };`,
    });
    const first = await ow(["deploy", "remote.ts", "--json"], asKey());
    expect(JSON.parse(first.stdout)).toMatchObject({
      worker: "remote",
      version: 1,
      url: `http://remote.localhost:${platform.ready.port}/`,
    });
    await ow(["env", "set", "remote", "A=1"], asKey());
    const { port } = platform.ready;
    const worker = { headers: { host: `remote.localhost:${port}` } };
    for (let answer = ""; answer !== "1"; )
      answer = await (await fetch(`http://127.0.0.1:${port}/`, worker)).text();
    await ow(["deploy", "remote.ts"], asKey());
    expect((await ow(["rollback", "remote"], asKey())).stdout).toContain("remote is version 1 again");
    let lines = "";
    while (!lines.includes("asked")) lines = (await ow(["logs", "remote"], asKey())).stdout;
  });

  test("a worker that does not start is refused with its own stack trace", async () => {
    await home.folder.write({ "broken.ts": "export default {};\nthrow new Error('not today');" });
    const { code, stdout, stderr } = await ow(["deploy", "broken.ts"], asKey());
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("not today");
  });

  test("a worker's log is followed as it comes", async () => {
    const tail = home.start(["tail", "remote", "--json"], asKey());
    await tail.line((text) => text.startsWith("Following"));
    const { port } = platform.ready;
    await fetch(`http://127.0.0.1:${port}/`, { headers: { host: `remote.localhost:${port}` } });
    expect(JSON.parse(await tail.line((text) => text.includes("asked")))).toMatchObject({ worker: "remote" });
    expect(await tail.end("SIGINT")).toBe(0);
  });

  test("KV, objects, queues and SQL are used as they are directly", async () => {
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await ow(args, asKey());
      if (code !== 0) throw new Error(`ow ${args.join(" ")}: ${stderr}`);
      return stdout;
    };
    await run("kv", "create", "pairs");
    await run("kv", "put", "pairs", "ä/b", "value", "--metadata", '{"n":1}');
    expect(await run("kv", "get", "pairs", "ä/b")).toBe("value");
    await run("storage", "create", "files");
    await home.folder.write({ "big.txt": "x".repeat(20 * 2 ** 20) });
    await run("storage", "put", "files", "a/big.txt", "big.txt");
    expect((await run("storage", "get", "files", "a/big.txt")).length).toBe(20 * 2 ** 20);
    await run("databases", "create", "shop");
    await run("databases", "exec", "shop", "create table t (id int); insert into t values (7)");
    expect(
      await run("databases", "exec", "shop", "select id from t where id = $1", "--param", "7"),
    ).toContain("7");
    await run("queues", "create", "orders");
    await run("queues", "send", "orders", `{"id":1}`);
  });

  test("commands of the infrastructure say that they need direct access", async () => {
    for (const args of [
      ["secret", "rotate-key"],
      ["domains", "verify", "shop.example.com", "--trust"],
      ["databases", "dumps"],
    ]) {
      const { code, stderr } = await ow(args, asKey());
      expect({ args, code, stderr }).toMatchObject({
        args,
        code: 1,
        stderr: expect.stringContaining("needs direct access to the platform's database"),
      });
    }
  });

  test("ow mcp serves the same, and its queries change nothing there either", async () => {
    await using mcp = await McpSession.start(home, ["--profile", "here"]);
    const source = `export default { fetch: () => new Response("mcp") };`;
    expect(await mcp.call("deploy_files", { name: "viamcp", files: { "index.ts": source } })).toMatchObject({
      worker: "viamcp",
      version: 1,
    });
    const query = (sql: string, params: unknown[] = []) => ({ database: "shop", sql, params });
    expect(await mcp.call("databases_query", query("select id from t where id = $1", [7]))).toMatchObject({
      results: [{ rows: [[7]] }],
    });
    await mcp.call(
      "databases_execute",
      query("create function sneak() returns int language sql as 'insert into t values (9) returning id'"),
    );
    for (const sql of [
      "insert into t values (1)",
      "with x as (insert into t values (2) returning *) select * from x",
      "select sneak()",
      "drop table t",
      "set transaction read write",
      "select set_config('transaction_read_only', 'off', false)",
      "do $$ begin commit; insert into t values (3); end $$",
      "commit; insert into t values (4)",
    ])
      await mcp.client.callTool({ name: "databases_query", arguments: query(sql) });
    expect(await mcp.call("databases_query", query("select count(*)::int from t"))).toMatchObject({
      results: [{ rows: [[1]] }],
    });
  });

  test("an organisation has things and members of its own", async () => {
    const { code } = await ow(["accounts", "create", "acme"], asKey());
    expect(code).toBe(0);
    const { env } = asKey();
    const acme = { env: { ...env, OW_ACCOUNT: "acme" } };
    await ow(["kv", "create", "theirs"], acme);
    const names = async (options: OwOptions) =>
      JSON.parse((await ow(["kv", "namespaces", "--json"], options)).stdout).map(
        ({ name }: { name: string }) => name,
      );
    expect(await names(acme)).toEqual(["theirs"]);
    expect(await names(asKey())).toEqual(["pairs"]);
    expect((await ow(["members", "list", "acme"], asKey())).stdout).toMatch(/ada\s+\S*\s*owner/);
    const invited = await ow(["members", "invite", "acme", "bob@example.com", "--role", "viewer"], asKey());
    expect(invited.stdout).toStartWith("owin_");
  });

  test("a key that is revoked opens nothing any more", async () => {
    const made = (
      await ow(["keys", "create", "short", "--scope", "workers:read", "--expires", "1h"], asKey())
    ).stdout.trim();
    const withKey = { env: { OW_API_URL: apiUrl(), OW_TOKEN: made } };
    expect(await ow(["workers"], withKey)).toMatchObject({ code: 0, stderr: "" });
    const narrow = await ow(["kv", "create", "no"], withKey);
    expect([narrow.code, narrow.stderr]).toEqual([1, expect.stringContaining("kv:write")]);
    expect((await ow(["keys", "revoke", "short"], asKey())).code).toBe(0);
    expect((await ow(["workers"], withKey)).code).toBe(1);
  });
});

test("direct access repairs what is there while the API is chosen: a port or `local` says so", async () => {
  expect((await ow(["profile", "use", "here"])).code).toBe(0);
  expect(await home.json("workers", "--port", String(platform.ready.port))).toMatchObject(
    expect.arrayContaining([expect.objectContaining({ worker: "remote" })]),
  );
  expect((await ow(["profile", "use", "local"])).code).toBe(0);
  expect((await ow(["secret", "rotate-key"])).code).toBe(0);
  expect((await ow(["whoami"])).stderr).toContain("ow login URL");
  expect((await ow(["profile", "use", "nothing"])).code).toBe(1);
});
