import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestApi, testApi } from "../../testing/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
  await api.deploy(api.ada, "shop");
});
afterAll(() => api[Symbol.asyncDispose]());

const post = (path: string, json: unknown) => api.ask(path, { method: "POST", as: api.ada, json });
const get = (path: string) => api.ask(path, { as: api.ada });

describe.each(["kv", "storage", "databases", "queues"])("a resource of /%s", (path) => {
  test("is made once with a key, renamed as If-Match says, listed by pages and deleted", async () => {
    const send = () =>
      api.ask(`/${path}`, {
        method: "POST",
        as: api.ada,
        json: { name: "first" },
        headers: { "idempotency-key": path },
      });
    const made = await send();
    expect(made).toMatchObject({ status: 201, body: { name: "first", account: "ada" } });
    expect(await send()).toMatchObject({ status: 201, body: made.body });
    expect(await post(`/${path}`, { name: "first" })).toMatchObject({ status: 409 });
    expect(await post(`/${path}`, { name: "!" })).toMatchObject({
      status: 400,
      body: { error: { code: "INVALID_NAME" } },
    });
    const etag = (await get(`/${path}/first`)).headers.get("etag") ?? "";
    const rename = (name: string) =>
      api.ask(`/${path}/first`, {
        method: "PATCH",
        as: api.ada,
        json: { name },
        headers: { "if-match": etag },
      });
    expect(await rename("second")).toMatchObject({ status: 200, body: { name: "second", id: made.body.id } });
    await post(`/${path}`, { name: "first" });
    expect((await rename("third")).status).toBe(412);
    const page = await get(`/${path}?limit=1`);
    expect(page.body.items).toMatchObject([{ name: "first" }]);
    const next = await get(`/${path}?limit=1&cursor=${page.body.nextCursor}`);
    expect(next.body).toMatchObject({ items: [{ name: "second" }], nextCursor: null });
    const away = (headers: Record<string, string> = {}) =>
      api.ask(`/${path}/second`, { method: "DELETE", as: api.ada, headers });
    expect((await away({ "if-match": '"other"' })).status).toBe(412);
    expect((await away()).status).toBe(204);
    expect((await get(`/${path}/${made.body.id}`)).status).toBe(404);
  });

  test("that a live worker binds is not deleted", async () => {
    const kind = { kv: "kv", storage: "storage", databases: "database", queues: "queue" }[path] ?? "";
    await api.deploy(api.ada, `binds-${path}`, { bindings: { IT: { kind } } });
    const name = `binds-${path}-it`;
    expect((await get(`/${path}/${name}/users`)).body.items).toEqual([
      { worker: `binds-${path}`, binding: "IT" },
    ]);
    const refused = await api.ask(`/${path}/${name}`, { method: "DELETE", as: api.ada });
    expect(refused).toMatchObject({ status: 409, body: { error: { code: "CONFLICT" } } });
  });
});

test("KV keeps values of any size and key, with expiry and metadata", async () => {
  await post("/kv", { name: "values" });
  const put = (key: string, body: Uint8Array<ArrayBuffer>, query = "") =>
    api.ask(`/kv/values/values/${encodeURIComponent(key)}${query}`, { method: "PUT", as: api.ada, body });
  const large = crypto.getRandomValues(new Uint8Array(65_536)) as Uint8Array<ArrayBuffer>;
  const long = new Uint8Array(700_000);
  for (let at = 0; at < 600_000; at += large.length) long.set(large, at);
  expect(
    (await put("a/b%2F c?", new TextEncoder().encode("x"), "?expirationTtl=3600&metadata=%7B%22n%22%3A1%7D"))
      .status,
  ).toBe(204);
  expect((await put("large", long)).status).toBe(204);
  const keys = (await get("/kv/values/keys")).body.items;
  expect(keys).toMatchObject([
    { name: "a/b%2F c?", metadata: { n: 1 }, expiration: expect.any(Number) },
    { name: "large" },
  ]);
  const small = await get(`/kv/values/values/${encodeURIComponent("a/b%2F c?")}`);
  expect([small.body, small.headers.get("ow-kv-metadata")]).toEqual(["x", "%7B%22n%22%3A1%7D"]);
  const bulk = await post("/kv/values/bulk/get", { keys: ["large", "none"] });
  expect(Buffer.from(bulk.body.items[0].value, "base64").equals(long)).toBe(true);
  expect(bulk.body.items[1]).toEqual({ name: "none", value: null });
  expect((await post("/kv/values/bulk", { put: [{ key: "..", value: "" }] })).status).toBe(400);
  expect((await put("x", new Uint8Array(1), "?expirationTtl=1")).status).toBe(400);
  const changed = await post("/kv/values/bulk", { put: [{ key: "b", value: "2" }], delete: ["large"] });
  expect(changed.body).toEqual({ put: 1, deleted: 1 });
  expect((await get("/kv/values/values/large")).status).toBe(404);
});

test("an object is put, listed, read in part, handed out by a link, and deleted", async () => {
  await post("/storage", { name: "objects" });
  const path = "/storage/objects/objects/a%2Fb.txt";
  const put = await api.ask(path, {
    method: "PUT",
    as: api.ada,
    body: "hello",
    headers: { "content-type": "text/plain", "content-length": "5" },
  });
  expect(put).toMatchObject({ status: 200, body: { key: "a/b.txt", size: 5 } });
  expect((await get("/storage/objects/objects?prefix=a/")).body).toMatchObject({
    items: [{ key: "a/b.txt" }],
  });
  const part = await api.ask(path, { as: api.ada, headers: { range: "bytes=1-2" } });
  expect(part).toMatchObject({ status: 206, body: "el" });
  const link = await post("/storage/objects/signed", { key: "a/b.txt", method: "GET" });
  const { pathname } = new URL(link.body.url);
  expect((await api.ask(pathname)).body).toBe("hello");
  expect(
    (await api.ask(pathname, { method: "PUT", body: "x", headers: { "content-length": "1" } })).status,
  ).toBe(401);
  expect((await api.ask(`${pathname}x`)).status).toBe(401);
  expect((await api.ask(path, { method: "DELETE", as: api.ada })).status).toBe(204);
  expect((await get(path)).status).toBe(404);
});

test("a database is queried, its tables and rows are read, and its tokens told once", async () => {
  await post("/databases", { name: "console" });
  const script =
    "create table items (id int primary key, name text); insert into items values (1, 'a'), (2, 'b')";
  expect((await post("/databases/console/query", { script })).status).toBe(200);
  const selected = await post("/databases/console/query", {
    sql: "select name from items where id = $1",
    params: [2],
  });
  expect(selected.body.results[0].rows).toEqual([["b"]]);
  const failed = await post("/databases/console/query", { sql: "selec" });
  expect(failed).toMatchObject({
    status: 400,
    body: { error: { code: "QUERY_FAILED", details: { sqlstate: "42601" } } },
  });
  const tables = await get("/databases/console/tables");
  expect(tables.body.items).toMatchObject([
    { name: "items", primaryKey: ["id"], columns: [{ name: "id" }, { name: "name" }] },
  ]);
  expect(tables.body.items[0]).toMatchObject({
    columns: [{ generated: false, labels: null }, {}],
    indexes: [{ name: "items_pkey", unique: true, valid: true }],
    constraints: [],
  });
  const rows = await get("/databases/console/tables/public/items/rows?limit=1");
  expect(rows.body.rows).toEqual([[1, "a"]]);
  const more = await get(
    `/databases/console/tables/public/items/rows?limit=1&cursor=${rows.body.nextCursor}`,
  );
  expect(more.body).toMatchObject({ rows: [[2, "b"]], nextCursor: null });
  expect((await get("/databases/console/tables/public/items%22/rows")).status).toBe(404);
  // Where databases are reached is told by who composes the platform.
  expect((await get("/databases/console/connection")).body).toEqual({ faces: null });
  expect((await api.ask("/databases/console/connection", { as: api.bob })).status).toBe(404);
  const token = await post("/databases/console/tokens", { name: "t", scope: "read-only" });
  expect(token.body.token).toStartWith("owdb_");
  expect(JSON.stringify((await get("/databases/console/tokens")).body)).not.toContain(token.body.token);
  expect((await api.ask("/databases/console/tokens/t", { method: "DELETE", as: api.ada })).status).toBe(204);
});

test("a table is told of with what its columns may be, its indexes and constraints", async () => {
  await post("/databases", { name: "shapes" });
  const script = `create type mood as enum ('sad', 'so so', 'happy');
    create table parts (id int generated always as identity primary key, twice int generated always as (2 * size) stored,
      size int check (size > 0), mood mood default 'so so', whole int references parts);
    create unique index by_size on parts (size desc) where size > 10`;
  expect((await post("/databases/shapes/query", { script })).status).toBe(200);
  const [table] = (await get("/databases/shapes/tables")).body.items;
  expect(table.columns).toMatchObject([
    { name: "id", type: "integer", nullable: false, generated: true },
    { name: "twice", generated: true },
    { name: "size", generated: false, labels: null },
    { name: "mood", type: "mood", labels: ["sad", "so so", "happy"], default: "'so so'::mood" },
    { name: "whole" },
  ]);
  expect(table.indexes).toMatchObject([
    { name: "parts_pkey", unique: true },
    { name: "by_size", unique: true, valid: true },
  ]);
  expect(table.indexes[1].definition).toContain("(size DESC) WHERE (size > 10)");
  expect(table.constraints).toEqual([
    { name: "parts_size_check", kind: "check", definition: "CHECK ((size > 0))" },
    { name: "parts_whole_fkey", kind: "foreign key", definition: "FOREIGN KEY (whole) REFERENCES parts(id)" },
  ]);
});

test("a queue is sent to, paused, consumed and purged", async () => {
  await post("/queues", { name: "jobs" });
  expect(await post("/queues/jobs/messages", { body: { a: 1 }, delaySeconds: 60 })).toMatchObject({
    status: 201,
  });
  expect(await post("/queues/jobs/messages", { body: 1, contentType: "text" })).toMatchObject({
    status: 400,
  });
  const consumed = await api.ask("/queues/jobs/consumer", {
    method: "PUT",
    as: api.ada,
    json: { worker: "shop", settings: { maxBatchSize: 5 } },
  });
  expect(consumed.body).toMatchObject({
    delayed: 1,
    consumer: { worker: "shop", settings: { maxBatchSize: 5 } },
  });
  const paused = await api.ask("/queues/jobs", { method: "PATCH", as: api.ada, json: { paused: true } });
  expect(paused.body.paused).toBe(true);
  expect((await api.ask("/queues/jobs/messages", { method: "DELETE", as: api.ada })).body).toEqual({
    delayed: 1,
  });
  expect((await api.ask("/queues/jobs/consumer", { method: "DELETE", as: api.ada })).status).toBe(204);
});

test("a domain is routed once its TXT record is there", async () => {
  const claimed = await post("/workers/shop/domains", { hostname: "Shop.Example.com" });
  expect(claimed).toMatchObject({ status: 201, body: { hostname: "shop.example.com", verifiedAt: null } });
  const { name, value } = claimed.body.verification;
  expect((await post("/domains/shop.example.com/verify", undefined)).status).toBe(409);
  api.records.set(name, [[value.slice(0, 5), value.slice(5)]]);
  expect((await post("/domains/shop.example.com/verify", undefined)).body.verifiedAt).toEqual(
    expect.any(String),
  );
  const routes = { method: "PUT", as: api.ada, json: { patterns: ["shop.example.com/api/*"] } };
  expect(await api.ask("/workers/shop/routes", routes)).toMatchObject({
    status: 200,
    body: { patterns: ["shop.example.com/api/*"] },
  });
  const foreign = { ...routes, json: { patterns: ["other.example.com/*"] } };
  expect((await api.ask("/workers/shop/routes", foreign)).status).toBe(403);
  expect((await api.ask("/domains/shop.example.com", { method: "DELETE", as: api.ada })).status).toBe(204);
  expect((await get("/workers/shop/routes")).body.patterns).toEqual([]);
});

test("a cron is added, changed, run and removed, and its history stays", async () => {
  const made = await post("/workers/shop/crons", { expression: "0 3 * * *", retries: 2 });
  expect(made).toMatchObject({ status: 201, body: { retries: 2, paused: false } });
  const path = `/workers/shop/crons/${made.body.id}`;
  const paused = await api.ask(path, { method: "PATCH", as: api.ada, json: { paused: true } });
  expect(paused.body).toMatchObject({ paused: true, retries: 2, nextDue: null });
  const run = await post(`${path}/run`, undefined);
  expect(run).toMatchObject({ status: 202, body: { manual: true, state: "waiting" } });
  expect((await api.ask(path, { method: "DELETE", as: api.ada })).status).toBe(204);
  expect((await get("/workers/shop/events")).body.items).toMatchObject([
    { id: run.body.id, cron: "0 3 * * *" },
  ]);
  expect((await post("/workers/shop/crons", { expression: "nonsense" })).status).toBe(400);
  expect((await get("/workers/shop/events?cursor=Im5vbnNlbnNlIg")).status).toBe(400);
});

test("the reference page tells of every route, and runs nothing but the API's own script", async () => {
  const { status, body, headers } = await api.ask("/reference");
  expect(status).toBe(200);
  expect(body).toContain("/v1/workers/{worker}/versions");
  expect(body.match(/<script[^>]*>/g)).toEqual(['<script type="module" src="/v1/reference.js">']);
  const policy = headers.get("content-security-policy");
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-[^ ]+'; script-src 'self'; connect-src 'self'; require-trusted-types-for/,
  );
  expect((await api.ask("/reference.js")).headers.get("content-type")).toStartWith("text/javascript");
});
