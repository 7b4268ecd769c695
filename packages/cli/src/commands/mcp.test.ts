import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { McpSession } from "../testing/mcp.ts";
import { OwHome, type Ready, type RunningOw } from "../testing/ow.ts";

const hookMs = 60_000;

let home: OwHome;
let platform: RunningOw & { readonly ready: Ready };
let mcp: McpSession;
beforeAll(async () => {
  home = new OwHome();
  platform = await home.up("--no-dashboard");
  mcp = await McpSession.start(home);
}, hookMs);
afterAll(async () => {
  await mcp[Symbol.asyncDispose]();
  expect(await platform.end("SIGINT")).toBe(0);
  await home[Symbol.asyncDispose]();
}, hookMs);

const answering = (text: string) => `export default { fetch: () => new Response(${JSON.stringify(text)}) };`;

async function ask(worker: string): Promise<string> {
  const { port } = platform.ready;
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { host: `${worker}.localhost:${port}` },
  });
  return await response.text();
}

async function untilAnswer(worker: string, expected: string): Promise<void> {
  for (let answer = ""; answer !== expected; answer = await ask(worker));
}

const deploy = (name: string, source = answering(name)) =>
  mcp.call("deploy_files", { name, files: { "index.ts": source } });

describe("the tools", () => {
  test("say what they do, take no argument that they do not know, and which of them destroy", async () => {
    const { tools } = await mcp.client.listTools();
    for (const { name, description, inputSchema, annotations } of tools) {
      expect({ name, description: (description ?? "").length > 20 }).toEqual({ name, description: true });
      expect({ name, more: inputSchema.additionalProperties }).toEqual({ name, more: false });
      const takesAway = /_(delete|remove|unset|purge|execute)$/.test(name);
      const looks = /_(list|get|query|history)$/.test(name);
      expect({ name, ...annotations }).toMatchObject({
        name,
        destructiveHint: takesAway,
        readOnlyHint: looks,
      });
    }
    const groups = new Set(tools.map(({ name }) => name.replace(/_.*/, "")));
    expect([...groups].sort()).toEqual(
      "audit bindings crons databases deploy deployments domains env kv logs queues rollback secrets storage versions workers".split(
        " ",
      ),
    );
  });

  test("refuse an argument that is unknown, instead of dropping it", async () => {
    expect(await mcp.refusal("workers_list", { description: "x" })).toContain("description");
    expect(
      await mcp.refusal("crons_add", { worker: "a", expression: "* * * * *", policy: { retry: 1 } }),
    ).toContain("retry");
    expect(await mcp.refusal("kv_list", {})).toContain("namespace");
  });

  test("say a failure with its code and what to do", async () => {
    const failure = await mcp.failure("workers_get", { worker: "nobody" });
    expect(failure).toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("nobody") });
    await deploy("again");
    expect(await mcp.failure("rollback", { worker: "again" })).toMatchObject({
      code: "NOT_FOUND",
      hint: expect.stringContaining("ow versions again"),
    });
  });

  test("that change something are not there with --read-only", async () => {
    await using readOnly = await McpSession.start(home, ["--read-only"]);
    const { tools } = await readOnly.client.listTools();
    expect(tools.filter(({ annotations }) => annotations?.readOnlyHint !== true)).toEqual([]);
    expect(tools.map(({ name }) => name)).toContain("databases_query");
    expect(await readOnly.refusal("workers_delete", { worker: "again" })).toContain("not found");
    expect(await readOnly.call("workers_list")).toMatchObject({ workers: expect.any(Array) });
  });
});

describe("a worker", () => {
  test("is deployed from text and from a folder, lists its versions, and is rolled back", async () => {
    expect(await deploy("roll", answering("one"))).toMatchObject({ worker: "roll", version: 1 });
    await home.folder.write({
      "roll/index.ts": answering("two"),
      "roll/wrangler.jsonc": `{ "name": "roll", "main": "index.ts", "compatibility_date": "2026-11-01" }`,
    });
    const second = await mcp.call("deploy", { path: "roll", message: "the second" });
    expect(second).toMatchObject({ version: 2, url: `http://roll.localhost:${platform.ready.port}/` });
    await untilAnswer("roll", "two");
    expect(await mcp.call("versions_list", { worker: "roll" })).toMatchObject({
      versions: [
        { version: 2, percent: 100, message: "the second" },
        { version: 1, percent: 0 },
      ],
    });
    expect(await mcp.call("rollback", { worker: "roll" })).toMatchObject({ version: 1 });
    await untilAnswer("roll", "one");
    const shares = [
      { version: 2, percent: 60 },
      { version: 1, percent: 40 },
    ];
    await mcp.call("deployments_create", { worker: "roll", shares });
    expect(await mcp.call("workers_get", { worker: "roll" })).toMatchObject({ live: shares });
  });

  test("that does not start is refused with its stack trace, and what is live stays", async () => {
    await deploy("kept");
    const failure = await mcp.failure("deploy_files", {
      name: "kept",
      files: { "index.ts": "const late: number = 1;\nthrow new Error('not today');\nexport default {};" },
    });
    expect(failure.code).toBe("START_FAILED");
    expect(failure.message).toMatch(/not today[\s\S]*index\.ts:2/);
    await untilAnswer("kept", "kept");
  });

  test("is not deployed from files that leave its folder, or without a main module", async () => {
    for (const path of ["../outside.ts", "/tmp/../outside.ts/..", "a/../../outside.ts"]) {
      const failure = await mcp.failure("deploy_files", { name: "out", files: { [path]: "" }, main: path });
      expect({ path, code: failure.code }).toEqual({ path, code: "INVALID_INPUT" });
    }
    const files = { "a.ts": "", "b.ts": "" };
    expect((await mcp.failure("deploy_files", { name: "out", files })).message).toContain("main module");
  });

  test("is told what to mind beside its deploy", async () => {
    const files = {
      "index.ts": answering("warned"),
      "wrangler.jsonc": `{ "main": "index.ts", "triggers": { "crons": ["0 0 1 1 *"] } }`,
    };
    const { warnings } = await mcp.call<{ warnings: string[] }>("deploy_files", { name: "warned", files });
    expect(warnings.join("\n")).toContain("compatibility_date is not set");
    expect(warnings.join("\n")).toContain("exports no scheduled()");
  });

  test("tells its logs", async () => {
    await deploy(
      "talking",
      `export default { fetch() { console.warn("heard"); return new Response("ok"); } };`,
    );
    await untilAnswer("talking", "ok");
    let records: unknown[] = [];
    while (records.length === 0) {
      const query = { worker: "talking", level: "warn", search: "heard", since: "1h" };
      ({ records } = await mcp.call<{ records: unknown[] }>("logs_query", query));
    }
    expect(records[0]).toMatchObject({ kind: "line", level: "warn", message: "heard", worker: "talking" });
  });

  test("is deleted", async () => {
    await deploy("gone");
    expect(await mcp.call("workers_delete", { worker: "gone" })).toEqual({ worker: "gone", deleted: true });
    expect((await mcp.failure("workers_get", { worker: "gone" })).code).toBe("NOT_FOUND");
  });
});

describe("an environment", () => {
  test("has values set, changed and really removed, and secrets of any length that nobody reads", async () => {
    await deploy(
      "env",
      `export default { fetch: (_, env) => Response.json([env.A ?? null, env.S?.length ?? null]) };`,
    );
    const long = "s".repeat(5_000);
    await mcp.call("env_set", { worker: "env", values: { A: "1" } });
    await mcp.call("env_set", { worker: "env", values: { A: "2" } });
    await mcp.call("secrets_set", { worker: "env", secrets: { S: long } });
    await untilAnswer("env", `["2",5000]`);
    const listed = await mcp.call("env_list", { worker: "env" });
    expect(listed).toMatchObject({
      values: [
        { name: "A", kind: "var", value: "2" },
        { name: "S", kind: "secret" },
      ],
    });
    expect(JSON.stringify(listed)).not.toContain(long);
    expect(await mcp.call("env_unset", { worker: "env", names: ["A", "NONE"] })).toEqual({ removed: ["A"] });
    expect(await mcp.call("secrets_delete", { worker: "env", names: ["S"] })).toEqual({ removed: ["S"] });
    expect(await mcp.call("env_list", { worker: "env" })).toEqual({ values: [] });
    await untilAnswer("env", "[null,null]");
  });

  test("is bound to things and to other workers by their names", async () => {
    await deploy("callee");
    await deploy("caller");
    await mcp.call("kv_namespaces_create", { name: "bound" });
    await mcp.call("bindings_add", { worker: "caller", name: "KV", to: { kind: "kv", namespace: "bound" } });
    const to = { kind: "worker", worker: "callee", props: { role: "editor" } };
    await mcp.call("bindings_add", { worker: "caller", name: "OTHER", to });
    expect(await mcp.call("bindings_list", { worker: "caller" })).toMatchObject({
      bindings: [
        { name: "KV", kind: "kv", resource: "bound" },
        { name: "OTHER", kind: "worker", resource: "callee" },
      ],
    });
    expect((await mcp.failure("kv_namespaces_delete", { namespace: "bound" })).code).toBe("CONFLICT");
    await mcp.call("bindings_remove", { worker: "caller", names: ["KV"] });
    await mcp.call("kv_namespaces_delete", { namespace: "bound" });
  });
});

describe("data", () => {
  test("is put into KV and read again, as text or in base64, as much of it as is wanted", async () => {
    await mcp.call("kv_namespaces_create", { name: "pairs" });
    const put = (key: string, more: object) => mcp.call("kv_put", { namespace: "pairs", key, ...more });
    await put("text", { text: "größer", metadata: { a: 1 } });
    await put("bytes", { base64: "/wD/" });
    expect(await mcp.call("kv_get", { namespace: "pairs", key: "text" })).toMatchObject({
      text: "größer",
      metadata: { a: 1 },
      truncated: false,
    });
    expect(await mcp.call("kv_get", { namespace: "pairs", key: "text", maxBytes: 3 })).toMatchObject({
      text: "gr",
      truncated: true,
    });
    expect(await mcp.call("kv_get", { namespace: "pairs", key: "bytes" })).toMatchObject({ base64: "/wD/" });
    expect((await mcp.failure("kv_put", { namespace: "pairs", key: "none" })).code).toBe("INVALID_INPUT");
    expect(await mcp.call("kv_list", { namespace: "pairs", limit: 1 })).toMatchObject({
      keys: [{ name: "bytes" }],
      complete: false,
    });
    await mcp.call("kv_delete", { namespace: "pairs", keys: ["text", "bytes"] });
    expect((await mcp.failure("kv_get", { namespace: "pairs", key: "text" })).code).toBe("NOT_FOUND");
  });

  test("is put into a bucket and read again", async () => {
    await mcp.call("storage_buckets_create", { name: "files" });
    const object = { bucket: "files", key: "a/b.txt" };
    await mcp.call("storage_put", { ...object, text: "hello", contentType: "text/plain" });
    expect(await mcp.call("storage_get", object)).toMatchObject({
      text: "hello",
      size: 5,
      http: { contentType: "text/plain" },
    });
    expect(await mcp.call("storage_list", { bucket: "files", delimiter: "/" })).toMatchObject({
      objects: [],
      prefixes: ["a/"],
      complete: true,
    });
    await mcp.call("storage_delete", { bucket: "files", keys: ["a/b.txt"] });
    await mcp.call("storage_buckets_delete", { bucket: "files" });
  });

  test("is put into a database; a query can change nothing, however it is written", async () => {
    expect(await mcp.call("databases_create", { name: "shop" })).toMatchObject({
      name: "shop",
      state: "ready",
    });
    const execute = (sql: string) => mcp.call("databases_execute", { database: "shop", sql });
    await execute("create table t (id int)");
    await execute(
      "create function sneak() returns int language sql as 'insert into t values (9) returning id'",
    );
    const query = (sql: string, ...params: unknown[]) => ({ database: "shop", sql, params });
    for (const sql of [
      "insert into t values (1)",
      "with x as (insert into t values (2) returning *) select * from x",
      "select sneak()",
      "select id into u from t",
      "drop table t",
      "set transaction read write",
    ]) {
      const { isError } = await mcp.client.callTool({ name: "databases_query", arguments: query(sql) });
      expect({ sql, isError: isError ?? false }).toEqual({
        sql,
        isError: !sql.startsWith("set"),
      });
    }
    await execute("insert into t values (7), (8)");
    expect(
      await mcp.call("databases_query", query("select id from t where id > $1 order by id", 7)),
    ).toMatchObject({
      results: [{ rows: [[8]], rowCount: 1 }],
    });
    const wrong = await mcp.failure("databases_query", query("select nothing from t"));
    expect(wrong).toMatchObject({ code: "QUERY_FAILED", message: expect.stringContaining("SQLSTATE 42703") });
    expect(await mcp.call("databases_get", { database: "shop" })).toMatchObject({ tokens: [] });
    expect(await mcp.call("databases_delete", { database: "shop" })).toMatchObject({ deleting: true });
  });
});

describe("events", () => {
  test("of crons are added, changed, run and removed", async () => {
    await deploy("timed", `export default { scheduled() {}, fetch: () => new Response("timed") };`);
    const which = { worker: "timed", cron: "0 0 1 1 *" };
    await mcp.call("crons_add", { worker: "timed", expression: which.cron, timezone: "Europe/Berlin" });
    expect(await mcp.call("crons_set", { ...which, policy: { retries: 2 } })).toMatchObject({ retries: 2 });
    expect(await mcp.call("crons_pause", which)).toMatchObject({ paused: true });
    expect(await mcp.call("crons_resume", which)).toMatchObject({ paused: false });
    await mcp.call("crons_run", which);
    let runs: { state: string; outcome: string | null }[] = [];
    while (runs[0]?.state !== "finished")
      ({ runs } = await mcp.call<{ runs: typeof runs }>("crons_history", { worker: "timed" }));
    expect(runs[0]).toMatchObject({ outcome: "ok" });
    await mcp.call("crons_remove", which);
    expect(await mcp.call("crons_list", { worker: "timed" })).toEqual({ crons: [] });
  });

  test("of queues are sent, waited with, and taken by a consumer", async () => {
    await mcp.call("queues_create", { name: "orders" });
    await deploy(
      "taking",
      `export default { fetch: () => new Response("taking"), queue(batch) { for (const m of batch.messages) console.log("got " + JSON.stringify(m.body)); } };`,
    );
    await mcp.call("queues_pause", { queue: "orders" });
    const settings = { maxBatchTimeout: 0 };
    await mcp.call("queues_consumer_set", { queue: "orders", worker: "taking", settings });
    await mcp.call("queues_send", { queue: "orders", body: { id: 1 } });
    expect(await mcp.call("queues_get", { queue: "orders" })).toMatchObject({
      paused: true,
      consumer: { worker: "taking" },
    });
    await mcp.call("queues_resume", { queue: "orders" });
    let records: { message: string }[] = [];
    while (records.length === 0)
      ({ records } = await mcp.call<{ records: typeof records }>("logs_query", {
        worker: "taking",
        search: "got",
      }));
    expect(records[0]?.message).toBe(`got {"id":1}`);
    await mcp.call("queues_purge", { queue: "orders" });
    await mcp.call("queues_consumer_remove", { queue: "orders" });
    await mcp.call("queues_delete", { queue: "orders" });
    expect(await mcp.call("queues_list")).toEqual({ queues: [] });
  });

  test("of domains are added, not verified without their record, and removed", async () => {
    await deploy("shopfront");
    await mcp.call("domains_add", { worker: "shopfront", hostname: "shop.example.com" });
    expect(await mcp.call("domains_list", { worker: "shopfront" })).toMatchObject({
      domains: [{ hostname: "shop.example.com", worker: "shopfront" }],
    });
    await mcp.call("domains_remove", { hostname: "shop.example.com" });
    expect(await mcp.call("domains_list")).toEqual({ domains: [] });
  });
});

test("a server outlives the platform, and finds the one that is started after it", async () => {
  await deploy("survivor");
  expect(await platform.end("SIGINT")).toBe(0);
  expect((await mcp.failure("workers_list")).message).toContain("No platform is running");
  platform = await home.up("--no-dashboard");
  const { workers } = await mcp.call<{ workers: { worker: string }[] }>("workers_list");
  expect(workers.map(({ worker }) => worker)).toContain("survivor");
});

test("a server whose client has gone ends", async () => {
  const { code, stdout, stderr } = await home.ow(["mcp"]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "" });
});
