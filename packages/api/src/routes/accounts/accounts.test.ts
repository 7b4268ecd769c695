import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newId, type UserId } from "@openworkers/core";
import { type Person, type TestApi, testApi } from "../../testing/api.ts";

let api: TestApi;
let team: { readonly id: UserId; readonly path: string };
beforeAll(async () => {
  api = await testApi();
  const made = await api.ask("/accounts", { method: "POST", as: api.ada, json: { name: "team" } });
  expect(made).toMatchObject({ status: 201, body: { kind: "organisation", role: "owner" } });
  team = { id: made.body.id, path: "/accounts/team" };
});
afterAll(() => api[Symbol.asyncDispose]());

async function joined(role: "admin" | "developer" | "viewer"): Promise<Person> {
  const name = `${role}-${newId().slice(-8)}`;
  const id = newId<"user">();
  await api.database.write((transaction) => transaction.insertInto("users").values({ id, name }).execute());
  const person = { id, name, token: await api.keyOf(id, ["*"]) };
  const invited = await api.ask(`${team.path}/invitations`, {
    method: "POST",
    as: api.ada,
    json: { email: `${name}@Example.com`, role },
  });
  expect(invited).toMatchObject({ status: 201, body: { email: `${name}@example.com` } });
  const accept = { method: "POST", as: person, json: { token: invited.body.token } };
  expect(await api.ask("/invitations/accept", accept)).toMatchObject({
    status: 200,
    body: { account: "team" },
  });
  expect((await api.ask("/invitations/accept", accept)).status).toBe(404);
  return person;
}

describe("in an organisation", () => {
  test("a viewer reads, a developer deploys, and only an admin deletes", async () => {
    const [viewer, developer, admin] = [
      await joined("viewer"),
      await joined("developer"),
      await joined("admin"),
    ];
    expect((await api.deploy(viewer, "team-shop", { account: "team" })).status).toBe(403);
    const deployed = await api.deploy(developer, "team-shop", {
      account: "team",
      environmentVars: { A: "1" },
    });
    expect(deployed).toMatchObject({ status: 201 });
    expect((await api.ask("/workers/team-shop", { as: viewer })).body).toMatchObject({ account: "team" });
    expect((await api.ask("/workers?account=team", { as: viewer })).body.items).toHaveLength(1);
    expect((await api.ask("/workers", { as: developer })).body.items).toEqual([]);
    const change = { method: "PATCH", json: { limits: { cpuMs: 50 } } };
    expect((await api.ask("/workers/team-shop", { ...change, as: viewer })).status).toBe(403);
    expect((await api.ask("/workers/team-shop", { ...change, as: developer })).status).toBe(200);
    expect((await api.deploy(viewer, "team-shop")).status).toBe(403);
    expect(
      (await api.ask("/workers/team-shop/secrets/S", { method: "PUT", as: viewer, json: { value: "x" } }))
        .status,
    ).toBe(403);
    const away = { method: "DELETE" };
    expect((await api.ask("/workers/team-shop", { ...away, as: developer })).status).toBe(403);
    expect((await api.ask("/workers/team-shop", { ...away, as: admin })).status).toBe(204);
  });

  test("a developer makes resources of the organisation, and an admin deletes them", async () => {
    const [viewer, developer, admin] = [
      await joined("viewer"),
      await joined("developer"),
      await joined("admin"),
    ];
    for (const path of ["kv", "storage", "databases", "queues", "environments"]) {
      const json = { name: "shared" };
      const refused = await api.ask(`/${path}?account=team`, { method: "POST", as: viewer, json });
      expect(refused.status, path).toBe(403);
      const made = await api.ask(`/${path}?account=team`, { method: "POST", as: developer, json });
      expect(made, JSON.stringify(made.body)).toMatchObject({ status: 201, body: { account: "team" } });
      expect((await api.ask(`/${path}/shared?account=team`, { as: viewer })).status).toBe(200);
      expect(
        (await api.ask(`/${path}/${made.body.id}`, { method: "DELETE", as: developer })).status,
        path,
      ).toBe(403);
      expect((await api.ask(`/${path}/${made.body.id}`, { method: "DELETE", as: admin })).status, path).toBe(
        204,
      );
    }
  });

  test("nobody raises their own role, and only an owner makes owners", async () => {
    const [viewer, admin] = [await joined("viewer"), await joined("admin")];
    const give = (as: Person, member: Person, role: string) =>
      api.ask(`${team.path}/members/${member.id}`, { method: "PATCH", as, json: { role } });
    expect((await give(viewer, viewer, "admin")).status).toBe(403);
    expect((await give(admin, admin, "owner")).status).toBe(403);
    expect((await give(admin, viewer, "developer")).status).toBe(200);
    expect((await give(admin, api.ada, "viewer")).status).toBe(403);
    expect((await give(api.ada, admin, "owner")).status).toBe(200);
    expect((await give(api.ada, admin, "admin")).status).toBe(200);
  });

  test("one is listed beside one's own account, or alone", async () => {
    const viewer = await joined("viewer");
    const listed = async (query: string) =>
      (await api.ask(`/accounts${query}`, { as: viewer })).body.items.map(
        ({ name, role }: { name: string; role: string }) => [name, role],
      );
    expect(await listed("")).toEqual([
      ["team", "viewer"],
      [viewer.name, "owner"],
    ]);
    expect(await listed("?kind=organisation")).toEqual([["team", "viewer"]]);
    expect(await listed("?kind=person")).toEqual([[viewer.name, "owner"]]);
  });

  test("there is always an owner, and anybody may leave", async () => {
    const viewer = await joined("viewer");
    const leave = (as: Person) => api.ask(`${team.path}/members/${as.id}`, { method: "DELETE", as });
    expect((await leave(viewer)).status).toBe(204);
    expect((await api.ask(team.path, { as: viewer })).status).toBe(404);
    const told = await api.ask(`/audit?account=team&action=member.remove&user=${viewer.name}`, {
      as: api.ada,
    });
    expect(told.body.items).toMatchObject([{ user: viewer.name, details: { member: viewer.name } }]);
    expect([400, 409]).toContain((await leave(api.ada)).status);
    expect((await api.ask(`${team.path}/members/ada`, { as: api.ada })).body.role).toBe("owner");
  });
});

test("an organisation is renamed by an admin, and deleted by an owner when it owns nothing", async () => {
  await api.ask("/accounts", { method: "POST", as: api.bob, json: { name: "brief" } });
  expect((await api.ask("/accounts", { method: "POST", as: api.bob, json: { name: "brief" } })).status).toBe(
    409,
  );
  const renamed = await api.ask("/accounts/brief", { method: "PATCH", as: api.bob, json: { name: "short" } });
  expect(renamed.body).toMatchObject({ name: "short", kind: "organisation" });
  await api.ask("/kv?account=short", { method: "POST", as: api.bob, json: { name: "left" } });
  const away = (path: string) => api.ask(path, { method: "DELETE", as: api.bob });
  expect((await away("/accounts/short")).status).toBe(409);
  expect((await away("/kv/left?account=short")).status).toBe(204);
  expect(await away("/accounts/short")).toMatchObject({ status: 204 });
  expect((await api.ask("/accounts/short", { as: api.bob })).status).toBe(404);
});

describe("an API key", () => {
  test("does what its scopes say, and nothing else", async () => {
    await api.deploy(api.ada, "scoped");
    const made = await api.ask("/keys", {
      method: "POST",
      as: api.ada,
      json: { name: "reader", scopes: ["workers:read", "kv:write"] },
    });
    expect(made.body).toMatchObject({ name: "reader", user: "ada", scopes: ["workers:read", "kv:write"] });
    const key: string = made.body.key;
    expect((await api.ask("/workers/scoped", { as: key })).status).toBe(200);
    expect((await api.ask("/kv", { method: "POST", as: key, json: { name: "by-key" } })).status).toBe(201);
    for (const [path, method, json] of [
      ["/workers/scoped", "PATCH", { limits: {} }],
      ["/workers/scoped", "DELETE", undefined],
      ["/kv/by-key", "DELETE", undefined],
      ["/queues", "GET", undefined],
      ["/audit", "GET", undefined],
      ["/keys", "POST", { name: "more", scopes: ["workers:read"] }],
    ] as const) {
      expect(
        (await api.ask(path, { method, as: key, ...(json === undefined ? {} : { json }) })).status,
        path,
      ).toBe(403);
    }
    const listed = await api.ask("/keys", { as: api.ada });
    expect(JSON.stringify(listed.body)).not.toContain(key);
    expect((await api.ask("/keys/reader", { method: "DELETE", as: api.ada })).status).toBe(204);
    expect((await api.ask("/workers/scoped", { as: key })).status).toBe(401);
  });

  test("makes no key with more than it has itself", async () => {
    const maker = await api.keyOf(api.ada.id, ["keys:write", "workers:read"]);
    const make = (scopes: string[]) =>
      api.ask("/keys", { method: "POST", as: maker, json: { name: newId(), scopes } });
    expect((await make(["workers:read"])).status).toBe(201);
    expect((await make(["workers:write"])).status).toBe(403);
    expect((await make(["*"])).status).toBe(403);
  });

  test("for one organisation is none for another account", async () => {
    const key = await api.keyOf(api.ada.id, ["*"], team.id);
    expect((await api.ask("/workers?account=team", { as: key })).status).toBe(200);
    expect((await api.ask("/workers", { as: key })).status).toBe(403);
    expect((await api.ask("/workers/scoped", { as: key })).status).toBe(404);
  });
});

test("the audit log tells who did what, to those whose account it is", async () => {
  await api.deploy(api.ada, "audited");
  const { body } = await api.ask("/audit?subject=audited", { as: api.ada });
  expect(body.items.map(({ user, action }: { user: string; action: string }) => [user, action])).toEqual([
    ["ada", "worker.deploy"],
    ["ada", "worker.create"],
  ]);
  expect((await api.ask("/audit?subject=audited", { as: api.bob })).body.items).toEqual([]);
  const ofTeam = await api.ask("/audit?account=team&action=kv_namespace.create", { as: api.ada });
  expect(ofTeam.body.items).toMatchObject([
    { subject: "shared", user: expect.stringMatching(/^developer-/) },
  ]);
  expect((await api.ask("/audit?account=team", { as: api.bob })).status).toBe(404);
  const of = async (query: string) =>
    (await api.ask(`/audit?subject=audited&${query}`, { as: api.ada })).body.items.length;
  expect(await of("action=worker.")).toBe(2);
  expect(await of("action=worker")).toBe(0);
  expect(await of("action=key.")).toBe(0);
  expect(await of("user=ada")).toBe(2);
  expect(await of(`user=${api.ada.id}`)).toBe(2);
  expect(await of(`user=${api.bob.id}`)).toBe(0);
});

test("usage counts what an account has", async () => {
  const { body } = await api.ask("/usage", { as: api.ada });
  expect(body).toMatchObject({ workers: 2, kvNamespaces: 1, databases: { count: 0, bytes: 0 } });
  expect((await api.ask("/limits", { as: api.bob })).body.worker.cpuMs).toBe(100);
});
