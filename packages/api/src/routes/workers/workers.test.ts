import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestApi, testApi, uploadForm } from "../../testing/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api[Symbol.asyncDispose]());

describe("a deploy", () => {
  test("makes the worker, and a second one a second version that is live", async () => {
    const first = await api.deploy(api.ada, "shop", {
      message: "one",
      vars: { A: { kind: "text", value: "1" } },
    });
    expect(first).toMatchObject({ status: 201, body: { worker: "shop", version: 1 } });
    const second = await api.deploy(
      api.ada,
      "shop",
      { vars: { A: { kind: "text", value: "2" } } },
      "export default { a: 1 }",
    );
    expect(second).toMatchObject({ status: 201, body: { version: 2 } });
    const { body } = await api.ask("/workers/shop", { as: api.ada });
    expect(body).toMatchObject({ name: "shop", account: "ada", live: [{ version: 2, percent: 100 }] });
    const diff = await api.ask("/workers/shop/versions/2/diff", { as: api.ada });
    expect(diff.body).toMatchObject({
      from: 1,
      to: 2,
      modules: [{ name: "index.js", before: { bytes: 25 } }],
      vars: [{ name: "A", before: { value: "1" }, after: { value: "2" } }],
      bindings: [],
      settings: [],
    });
    const module = await api.ask("/workers/shop/versions/2/module?name=index.js", { as: api.ada });
    expect(module.body).toBe("export default { a: 1 }");
  });

  test("that does not start changes nothing", async () => {
    const failed = await api.deploy(api.ada, "broken", {}, "throw new Error()");
    expect(failed).toMatchObject({ status: 400, body: { error: { code: "START_FAILED" } } });
    expect((await api.ask("/workers/broken", { as: api.ada })).status).toBe(404);
  });

  test("brings values for the worker's environment, of which secrets cannot be read", async () => {
    const sent = { environmentVars: { GREETING: "hi" }, environmentSecrets: { TOKEN: "s3cret" } };
    expect((await api.deploy(api.ada, "valued", sent)).status).toBe(201);
    const { body } = await api.ask("/workers/valued/values", { as: api.ada });
    expect(body.items).toMatchObject([
      { name: "GREETING", value: "hi" },
      { name: "TOKEN", kind: "secret" },
    ]);
    expect(JSON.stringify(body)).not.toContain("s3cret");
  });

  test("on top of a version has what that one has besides its code, but for what is sent", async () => {
    const text = "<h1>hi</h1>";
    const file = {
      path: "/index.html",
      hash: new Bun.CryptoHasher("sha256").update(text).digest("hex"),
      size: 11,
    };
    const settings = {
      htmlHandling: "none",
      notFoundHandling: "none",
      runWorkerFirst: false,
      only: false,
      headers: [],
      redirects: [],
    };
    const contents = new FormData();
    contents.set(file.hash, new Blob([text]));
    expect((await api.ask("/assets", { method: "POST", as: api.ada, body: contents })).status).toBeLessThan(
      300,
    );
    const first = {
      vars: { A: { kind: "text", value: "1" }, B: { kind: "text", value: "1" } },
      bindings: {
        KV: { kind: "kv" },
        LIMIT: { kind: "rate-limit", settings: { namespace: "n", limit: 1, periodSeconds: 10 } },
      },
      limits: { cpuMs: 50 },
      egress: { allow: ["example.com"] },
      assets: { settings, files: [{ ...file, contentType: "text/html" }] },
    };
    expect((await api.deploy(api.ada, "kept", first)).body).toMatchObject({ version: 1 });
    const second = { base: 1, vars: { B: { kind: "text", value: "2" } } };
    expect((await api.deploy(api.ada, "kept", second)).body).toMatchObject({ version: 2 });
    const { body } = await api.ask("/workers/kept/versions/2/diff", { as: api.ada });
    expect({ ...body, modules: [] }).toEqual({
      from: 1,
      to: 2,
      modules: [],
      assets: [],
      vars: [{ name: "B", before: { kind: "text", value: "1" }, after: { kind: "text", value: "2" } }],
      bindings: [],
      settings: [],
    });
  });

  test("on top of a version that serves no more is a conflict, and changes nothing", async () => {
    await api.deploy(api.ada, "raced");
    await api.deploy(api.ada, "raced");
    const late = await api.deploy(api.ada, "raced", { base: 1 });
    expect(late).toMatchObject({
      status: 409,
      body: { error: { code: "CONFLICT", details: { live: [2] } } },
    });
    const both = await Promise.all([
      api.deploy(api.ada, "raced", { base: 2 }),
      api.deploy(api.ada, "raced", { base: 2 }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect((await api.deploy(api.ada, "raced", { base: 9 })).status).toBe(404);
    expect((await api.deploy(api.ada, "none", { base: 1 })).status).toBe(404);
    expect((await api.ask("/workers/raced", { as: api.ada })).body).toMatchObject({ lastVersion: 3 });
  });

  test("keeps its source maps, for whoever may read it", async () => {
    const form = uploadForm();
    form.set("map:index.js", new Blob([`{"version":3}`]));
    await api.ask("/workers/mapped/versions", { method: "POST", as: api.ada, body: form });
    const path = "/workers/mapped/versions/1/source-map?name=";
    expect((await api.ask(`${path}index.js`, { as: api.ada })).body).toBe(`{"version":3}`);
    expect((await api.ask(`${path}other.js`, { as: api.ada })).status).toBe(404);
    expect((await api.ask(`${path}index.js`, { as: api.bob })).status).toBe(404);
  });

  test("twice at once makes two versions", async () => {
    const both = await Promise.all([api.deploy(api.ada, "twice"), api.deploy(api.ada, "twice")]);
    expect(both.map(({ status }) => status)).toEqual([201, 201]);
    expect(both.map(({ body }) => body.version).sort()).toEqual([1, 2]);
  });

  test("with the same Idempotency-Key again happens once", async () => {
    const send = (source: string) =>
      api.ask("/workers/once/versions", {
        method: "POST",
        as: api.ada,
        body: uploadForm({}, source),
        headers: { "idempotency-key": "k1" },
      });
    const first = await send("export default {}");
    const again = await Promise.all([send("export default {}"), send("export default {}")]);
    expect(again.map(({ status, body }) => [status, body])).toEqual([
      [201, first.body],
      [201, first.body],
    ]);
    expect(await send("export default { other: 1 }")).toMatchObject({ status: 409 });
    expect((await api.ask("/workers/once/versions", { as: api.ada })).body.items).toHaveLength(1);
  });

  test("of a name that somebody else has is refused", async () => {
    expect((await api.deploy(api.ada, "mine")).status).toBe(201);
    const refused = await api.deploy(api.bob, "mine");
    expect([403, 409]).toContain(refused.status);
    expect((await api.ask("/workers/mine", { as: api.bob })).status).toBe(404);
  });

  test("tells which field of its metadata is wrong", async () => {
    const { status, body } = await api.deploy(api.ada, "wrong", { percent: 0 });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: "INVALID_INPUT", details: { issues: [{ path: "percent" }] } });
  });
});

describe("a worker", () => {
  test("is changed only as its If-Match says", async () => {
    await api.deploy(api.ada, "matched");
    const got = await api.ask("/workers/matched", { as: api.ada });
    const etag = got.headers.get("etag") ?? "";
    const change = (json: object) =>
      api.ask("/workers/matched", { method: "PATCH", as: api.ada, json, headers: { "if-match": etag } });
    const changed = await change({ limits: { cpuMs: 50 } });
    expect(changed).toMatchObject({ status: 200, body: { limits: { cpuMs: 50 } } });
    expect(await change({ limits: { cpuMs: 60 } })).toMatchObject({
      status: 412,
      body: { error: { code: "PRECONDITION_FAILED" } },
    });
    const same = await api.ask("/workers/matched", {
      as: api.ada,
      headers: { "if-none-match": changed.headers.get("etag") ?? "" },
    });
    expect(same.status).toBe(304);
  });

  test("is found by its id, renamed and deleted with its environment", async () => {
    await api.deploy(api.ada, "short-lived", { environmentVars: { A: "1" } });
    const { id } = (await api.ask("/workers/short-lived", { as: api.ada })).body;
    const renamed = await api.ask(`/workers/${id}`, {
      method: "PATCH",
      as: api.ada,
      json: { name: "renamed" },
    });
    expect(renamed.body.name).toBe("renamed");
    expect((await api.ask("/workers/renamed", { method: "DELETE", as: api.ada })).status).toBe(204);
    expect((await api.ask(`/workers/${id}`, { as: api.ada })).status).toBe(404);
    expect((await api.ask("/environments/short-lived", { as: api.ada })).status).toBe(404);
  });

  test("is listed page by page", async () => {
    for (const name of ["page-a", "page-b", "page-c"]) await api.deploy(api.bob, name);
    const first = await api.ask("/workers?limit=2", { as: api.bob });
    expect(first.body.items.map(({ name }: { name: string }) => name)).toEqual(["page-a", "page-b"]);
    const second = await api.ask(`/workers?limit=2&cursor=${first.body.nextCursor}`, { as: api.bob });
    expect(second.body).toMatchObject({ items: [{ name: "page-c" }], nextCursor: null });
    expect((await api.ask("/workers?cursor=x", { as: api.bob })).status).toBe(400);
  });
});

test("deployments share requests among versions, and a rollback returns to the one before", async () => {
  await api.deploy(api.ada, "gradual");
  await api.deploy(api.ada, "gradual", { percent: 20 });
  const { body } = await api.ask("/workers/gradual/deployments", { as: api.ada });
  expect(body.items[0]).toMatchObject({
    live: true,
    versions: [
      { version: 1, percent: 80 },
      { version: 2, percent: 20 },
    ],
  });
  const made = await api.ask("/workers/gradual/deployments", {
    method: "POST",
    as: api.ada,
    json: { versions: [{ version: 2, percent: 100 }] },
  });
  expect(made).toMatchObject({ status: 201, body: { live: true, versions: [{ version: 2, percent: 100 }] } });
  const back = await api.ask("/workers/gradual/rollback", { method: "POST", as: api.ada, json: {} });
  expect(back).toMatchObject({ status: 201, body: { versions: [{ version: 1, percent: 100 }] } });
});

test("values and bindings of a worker are changed all at once", async () => {
  await api.deploy(api.ada, "bound", { bindings: { KV: { kind: "kv" } } });
  const changed = await api.ask("/workers/bound/values", {
    method: "PATCH",
    as: api.ada,
    json: { vars: { A: "1", B: "2" }, secrets: { S: "x" } },
  });
  expect(changed.status).toBe(200);
  const unset = await api.ask("/workers/bound/values", {
    method: "PATCH",
    as: api.ada,
    json: { unset: ["A", "NONE"] },
  });
  expect(unset.body.unset).toEqual(["A"]);
  const bindings = await api.ask("/workers/bound/bindings", {
    method: "PATCH",
    as: api.ada,
    json: { set: { OTHER: { kind: "kv", namespace: "bound-kv" } } },
  });
  expect(bindings.body.items).toMatchObject([
    { name: "KV", source: "version" },
    { name: "OTHER", source: "environment", resource: "bound-kv" },
  ]);
  expect((await api.ask("/workers/bound/secrets/S", { method: "DELETE", as: api.ada })).status).toBe(204);
  expect((await api.ask("/workers/bound/secrets/S", { method: "DELETE", as: api.ada })).status).toBe(404);
});
