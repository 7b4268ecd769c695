import { afterAll, beforeAll, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { sql } from "kysely";
import { type TestApi, testApi } from "../../testing/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
  await api.database.write((transaction) =>
    sql`insert into identity.users (id, name, email, email_verified)
      values (${newId()}, 'Grace', 'grace@example.com', true)`.execute(transaction),
  );
}, 60_000);
afterAll(() => api[Symbol.asyncDispose]());

const routes: [string, string, unknown?][] = [
  ["GET", "/system/runners"],
  ["GET", "/system/services"],
  ["GET", "/system/versions"],
  ["GET", "/system/users"],
  ["POST", "/system/reset-links", { email: "grace@example.com" }],
  ["POST", "/system/setup-links"],
];

test("the system is for operators alone, with a key for all that they may", async () => {
  const lesser = await api.keyOf(api.operator.id, ["kv:read"]);
  const reader = await api.keyOf(api.operator.id, ["workers:read"]);
  for (const [method, path, json] of routes) {
    const ask = (as: Parameters<TestApi["ask"]>[1]) => api.ask(path, { method, json, ...as });
    expect([path, (await ask({})).status]).toEqual([path, 401]);
    expect([path, (await ask({ as: api.ada })).status]).toEqual([path, 403]);
    expect([path, (await ask({ as: lesser })).status]).toEqual([path, 403]);
    expect([path, (await ask({ as: reader })).status]).toEqual([path, method === "GET" ? 200 : 403]);
  }
});

test("an operator sees runners, services, versions and who can sign in", async () => {
  const get = async (path: string) => (await api.ask(path, { as: api.operator })).body;
  expect((await get("/system/runners")).items).toMatchObject([{ host: "test", cells: [] }]);
  expect((await get("/system/services")).items.map(({ name }: { name: string }) => name)).toContain(
    "scheduler",
  );
  expect(await get("/system/versions")).toMatchObject({ bun: Bun.version, pending: [] });
  expect((await get("/system/users")).items).toMatchObject([
    { name: "grace", email: "grace@example.com", isOperator: false },
  ]);
});

test("links let somebody in once, and who made them is written down", async () => {
  const post = (path: string, json?: unknown) =>
    api.ask(path, { method: "POST", as: api.operator, ...(json === undefined ? {} : { json }) });
  const reset = await post("/system/reset-links", { email: "grace@example.com" });
  expect(reset).toMatchObject({ status: 201, body: { expiresAt: expect.any(String) } });
  expect(reset.body.url).toMatch(/^http:\/\/api\.test\/v1\/auth\/password\/reset\?token=[\w-]{43}$/);
  const setup = await post("/system/setup-links");
  expect(setup.body.url).toMatch(/^http:\/\/api\.test\/v1\/auth\/setup\?token=[\w-]{43}$/);
  const { items } = (await api.ask("/audit?limit=2", { as: api.operator })).body;
  expect(items).toMatchObject([
    { action: "user.setup" },
    { action: "user.reset", subject: "grace@example.com" },
  ]);
  expect((await post("/system/reset-links", { email: "nobody@example.com" })).status).toBe(404);
});
