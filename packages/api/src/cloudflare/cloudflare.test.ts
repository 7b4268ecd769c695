import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type Person, type TestApi, testApi } from "../testing/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api[Symbol.asyncDispose]());

interface Asked {
  readonly method?: string;
  readonly body?: FormData | string;
  readonly token?: string;
}

async function ask(path: string, as: Person | undefined, { method = "GET", body, token }: Asked = {}) {
  const credential = token ?? as?.token;
  const request = new Request(`http://api.test/client/v4${path}`, {
    method,
    headers: credential === undefined ? {} : { authorization: `Bearer ${credential}` },
    ...(body === undefined ? {} : { body }),
  });
  const response = await api.app.fetch(request, api.env);
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it expects
  return { status: response.status, body: (await response.json()) as any };
}

function form(metadata: object = {}): FormData {
  const parts = new FormData();
  parts.set("metadata", JSON.stringify({ main_module: "index.js", ...metadata }));
  const type = "application/javascript+module";
  parts.set("index.js", new File(["export default {}"], "index.js", { type }));
  return parts;
}

const scripts = (person: Person) => `/accounts/${person.id}/workers/scripts`;
const put = (person: Person, name: string, metadata?: object) =>
  ask(`${scripts(person)}/${name}`, person, { method: "PUT", body: form(metadata) });

function tokenWith(payload: object): string {
  const exp = Math.floor(Date.now() / 1_000) + 60;
  return `e30.${Buffer.from(JSON.stringify({ exp, ...payload })).toString("base64url")}.`;
}

test("errors and successes have Cloudflare's form and numbers", async () => {
  expect(await ask("/accounts", undefined)).toMatchObject({
    status: 401,
    body: { success: false, errors: [{ code: 10_000 }], result: null },
  });
  expect(await ask(`/accounts/${api.ada.id}/workers/services/nowhere`, api.ada)).toMatchObject({
    status: 404,
    body: { success: false, errors: [{ code: 10_007 }] },
  });
  expect(await ask("/zones", api.ada)).toMatchObject({ status: 404, body: { success: false } });
});

test("a worker is none of another account's, even to who may do anything to it", async () => {
  expect((await put(api.ada, "ours")).status).toBe(200);
  for (const [path, as] of [
    [`${scripts(api.ada)}/ours/settings`, api.bob],
    [`${scripts(api.bob)}/ours/settings`, api.bob],
    [`${scripts(api.bob)}/ours/versions`, api.ada],
    [`${scripts(api.bob)}/ours/settings`, api.operator],
  ] as const) {
    const { status, body } = await ask(path, as);
    expect([path, status, body.success]).toEqual([path, 404, false]);
  }
  const secret = { method: "PUT", body: JSON.stringify({ name: "A", text: "b", type: "secret_text" }) };
  expect((await ask(`${scripts(api.bob)}/ours/secrets`, api.bob, secret)).status).toBe(404);
  expect((await ask(`${scripts(api.ada)}/ours/tails`, api.bob, { method: "POST", body: "{}" })).status).toBe(
    404,
  );
});

test("a key without the scope is refused", async () => {
  const token = await api.keyOf(api.ada.id, ["workers:read"]);
  const path = `${scripts(api.ada)}/ours`;
  expect((await ask(path, undefined, { token, method: "PUT", body: form() })).status).toBe(403);
  expect((await ask(`${path}/settings`, undefined, { token })).status).toBe(200);
});

test("an id that is not there is bound to nothing, and makes nothing", async () => {
  const bindings = [{ type: "kv_namespace", name: "KV", namespace_id: "0123456789abcdef0123456789abcdef" }];
  expect(await put(api.ada, "unbound", { bindings })).toMatchObject({
    status: 400,
    body: { errors: [{ code: 10_021 }] },
  });
  const { body } = await ask(`/accounts/${api.ada.id}/storage/kv/namespaces`, api.ada);
  expect(body.result).toEqual([]);
});

test("a worker is told with its address", async () => {
  const worker = `/accounts/${api.ada.id}/workers/workers/ours`;
  const { status, body } = await ask(worker, api.ada);
  expect([status, body.result]).toMatchObject([
    200,
    {
      name: "ours",
      subdomain: { enabled: true, previews_enabled: true, url: expect.stringContaining("//ours.") },
    },
  ]);
  expect((await ask(worker, api.bob)).status).toBe(404);
});

test("what this platform has not is refused, and nothing is deployed", async () => {
  for (const metadata of [
    { placement: { mode: "smart" } },
    { logpush: true },
    { migrations: { new_tag: "v1" } },
    { tail_consumers: [{ service: "other" }] },
    { annotations: { "workers/tag": "v1" } },
    { bindings: [{ type: "ai", name: "AI" }] },
    { bindings: [{ type: "inherit", name: "NOTHING" }] },
  ]) {
    const { status, body } = await put(api.ada, "refused", metadata);
    expect([metadata, status, body.success]).toEqual([metadata, 400, false]);
  }
  expect((await ask(`/accounts/${api.ada.id}/workers/services/refused`, api.ada)).status).toBe(404);
  const off = { method: "POST", body: JSON.stringify({ enabled: false }) };
  expect((await ask(`${scripts(api.ada)}/ours/subdomain`, api.ada, off)).status).toBe(400);
});

test("an upload's token lets nobody in who has no key, nor have a file by its hash", async () => {
  const upload = `/accounts/${api.ada.id}/workers/assets/upload`;
  const session = (credential: string) =>
    tokenWith({ credential, account: api.ada.id, manifest: "0".repeat(64) });
  const sent = (token: string) => ask(upload, undefined, { token, method: "POST", body: new FormData() });
  expect((await sent(session("ow_nobody"))).status).toBe(401);
  expect((await sent(session(api.bob.token))).status).toBe(404);
  expect((await sent("none")).status).toBe(401);

  const content = "ada's alone";
  const hash = createHash("sha256").update(content).digest("hex");
  const parts = new FormData();
  parts.set(hash, new Blob([content]));
  expect((await api.ask("/assets", { method: "POST", as: api.ada, body: parts })).status).toBe(204);
  const file = { path: "/a.txt", hash, size: content.length, contentType: "text/plain" };
  const stolen = { assets: { jwt: tokenWith({ files: [file] }) } };
  expect((await put(api.bob, "thief", stolen)).status).toBe(409);
  expect((await put(api.ada, "keeper", stolen)).status).toBe(200);
});

test("settings change secrets and nothing else", async () => {
  const path = `${scripts(api.ada)}/ours/settings`;
  const patch = (bindings: readonly object[]) => {
    const body = new FormData();
    body.set("settings", JSON.stringify({ bindings }));
    return ask(path, api.ada, { method: "PATCH", body });
  };
  expect((await patch([{ type: "secret_text", name: "A", text: "1" }])).status).toBe(200);
  expect((await ask(`${scripts(api.ada)}/ours/secrets`, api.ada)).body.result).toEqual([
    { name: "A", type: "secret_text" },
  ]);
  expect((await patch([{ type: "plain_text", name: "B", text: "2" }])).status).toBe(400);
  expect((await patch([])).status).toBe(400);
});
