import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openApiDocument } from "./document.ts";
import { setupToken } from "./identity/testing/in-process.ts";
import { type Answer, type Person, type TestApi, testApi, uploadForm } from "./testing/api.ts";

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly open: boolean;
  readonly takesJson: boolean;
  readonly takesForm: boolean;
}

const operations: Operation[] = Object.entries(openApiDocument().paths ?? {}).flatMap(([path, item]) =>
  Object.entries(item as Record<string, object>).map(([method, operation]) => {
    const { security, requestBody } = operation as {
      security: object[];
      requestBody?: { content: Record<string, object> };
    };
    return {
      method: method.toUpperCase(),
      path,
      open: security.length === 0,
      takesJson: requestBody?.content["application/json"] !== undefined,
      takesForm: requestBody?.content["multipart/form-data"] !== undefined,
    };
  }),
);
const named = operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const);

let api: TestApi;
/** Tokens of sessions: no key signs anybody in, or changes how. */
let sessions: Record<"ada" | "bob", string>;
/** What Ada has, for each parameter of a path. */
let adas: Record<string, string>;

async function session(email: string): Promise<string> {
  const json = { token: await setupToken(api.database), email, password: "correct horse battery" };
  const { body } = await api.ask("/auth/setup?token=true", { method: "POST", json });
  return body.token;
}

/** With what somebody asks an operation. */
function credential({ path }: Operation, of: "ada" | "bob"): string {
  return path.startsWith("/v1/auth/") ? sessions[of] : api[of].token;
}

beforeAll(async () => {
  api = await testApi();
  sessions = { ada: await session("ada@example.com"), bob: await session("bob@example.com") };
  const make = async (path: string, json: object): Promise<Answer["body"]> => {
    const answer = await api.ask(path, { method: "POST", as: api.ada, json });
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  await api.deploy(api.ada, "adas", {
    environmentSecrets: { SECRET: "x" },
    bindings: {
      KV: { kind: "kv", namespace: undefined },
      BUCKET: { kind: "storage" },
      DB: { kind: "database" },
      QUEUE: { kind: "queue" },
    },
  });
  await api.deploy(api.ada, "adas");
  const bindings = (await api.ask("/workers/adas/versions/1/diff?from=2", { as: api.ada })).body;
  expect(bindings.bindings).toHaveLength(4);
  const idOf = async (path: string) => (await api.ask(path, { as: api.ada })).body.items[0].id as string;
  const cron = await make("/workers/adas/crons", { expression: "0 0 1 1 *" });
  const event = await make(`/workers/adas/crons/${cron.id}/run`, {}).catch(
    async () => (await api.ask(`/workers/adas/crons/${cron.id}/run`, { method: "POST", as: api.ada })).body,
  );
  await make("/workers/adas/domains", { hostname: "adas.example.com" });
  const account = await make("/accounts", { name: "adas-org" });
  const invitation = await make("/accounts/adas-org/invitations", { email: "x@example.com", role: "viewer" });
  const key = await make("/keys", { name: "adas", scopes: ["workers:read"] });
  const database = await idOf("/databases");
  await make(`/databases/${database}/tokens`, { name: "adas", scope: "read-only" });
  adas = {
    worker: (await api.ask("/workers/adas", { as: api.ada })).body.id,
    version: "1",
    deployment: (await api.ask("/workers/adas/deployments", { as: api.ada })).body.items[0].id,
    environment: await idOf("/environments"),
    name: "SECRET",
    namespace: await idOf("/kv"),
    bucket: await idOf("/storage"),
    database,
    queue: await idOf("/queues"),
    position: "1",
    cron: cron.id,
    event: event.id,
    hostname: "adas.example.com",
    account: account.id,
    member: api.ada.id,
    invitation: invitation.id,
    key: key.id,
    token: "adas",
    schema: "public",
    table: "t",
    id: (await api.ask("/auth/sessions", { as: sessions.ada })).body.items[0].id,
  };
}, 60_000);
afterAll(() => api[Symbol.asyncDispose]());

/** A body that is valid, so that it is not what a request is refused for. */
const bodies: Record<string, object> = {
  "PATCH /v1/workers/{worker}": { limits: {} },
  "POST /v1/workers/{worker}/deployments": { versions: [{ version: 1, percent: 100 }] },
  "POST /v1/workers/{worker}/rollback": {},
  "POST /v1/workers/{worker}/preview": { method: "GET", path: "/" },
  "PATCH /v1/workers/{worker}/values": { vars: { A: "1" } },
  "PUT /v1/workers/{worker}/secrets/{name}": { value: "x" },
  "PATCH /v1/workers/{worker}/bindings": { unset: ["KV"] },
  "PATCH /v1/environments/{environment}/values": { vars: { A: "1" } },
  "POST /v1/workers/{worker}/domains": { hostname: "bobs.example.com" },
  "PUT /v1/workers/{worker}/routes": { patterns: [] },
  "POST /v1/workers/{worker}/crons": { expression: "* * * * *" },
  "PATCH /v1/workers/{worker}/crons/{cron}": { paused: true },
  "PATCH /v1/kv/{namespace}": { name: "bobs" },
  "POST /v1/kv/{namespace}/bulk": { put: [{ key: "a", value: "b" }] },
  "POST /v1/kv/{namespace}/bulk/get": { keys: ["a"] },
  "PATCH /v1/storage/{bucket}": { name: "bobs" },
  "POST /v1/storage/{bucket}/signed": { key: "a", method: "GET" },
  "PATCH /v1/databases/{database}": { limits: { connections: 1 } },
  "POST /v1/databases/{database}/tokens": { name: "bobs", scope: "owner" },
  "POST /v1/databases/{database}/query": { sql: "select 1" },
  "PATCH /v1/queues/{queue}": { paused: true },
  "POST /v1/queues/{queue}/messages": { body: 1 },
  "PUT /v1/queues/{queue}/consumer": { worker: "adas" },
  "POST /v1/system/reset-links": { email: "ada@example.com" },
  "PATCH /v1/accounts/{account}": { displayName: "Bob's" },
  "PATCH /v1/accounts/{account}/members/{member}": { role: "viewer" },
  "POST /v1/accounts/{account}/invitations": { email: "bob@example.com", role: "admin" },
};

function pathOf({ path }: Operation): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(adas[name] ?? "something"));
}

async function send(operation: Operation, as: Person | string | undefined): Promise<Answer> {
  const { method, path } = operation;
  const json = bodies[`${method} ${path}`] ?? (operation.takesJson ? {} : undefined);
  const form = operation.takesForm ? (path.endsWith("/assets") ? new FormData() : uploadForm()) : undefined;
  const query = /\/(module|source-map)$/.test(path) ? "?name=index.js" : "";
  return api.ask(pathOf(operation) + query, {
    method,
    as,
    ...(json === undefined ? {} : { json }),
    ...(form === undefined ? {} : { body: form }),
  });
}

const errorShape = {
  code: expect.stringMatching(/^[A-Z_]+$/),
  message: expect.any(String),
  requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
};

describe("without authentication", () => {
  test.each(named.filter(([, { open }]) => !open))("%s is refused", async (_, operation) => {
    const answer = await send(operation, undefined);
    expect(answer).toMatchObject({ status: 401, body: { error: { ...errorShape, code: "UNAUTHORIZED" } } });
    expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
  });

  test.each(named.filter(([, { open }]) => !open))(
    "%s is refused with a credential that is none",
    async (name, operation) => {
      const isSignIn = operation.path.startsWith("/v1/auth/");
      const { status } = await send(operation, `${isSignIn ? "" : "ow_"}${"x".repeat(43)}`);
      // What is wrong with a body may be told before whose it is has been looked up.
      expect(operation.takesJson && !(name in bodies) ? [400, 401] : [401]).toContain(status);
    },
  );
});

describe("of somebody else's, as if it were not there:", () => {
  const others = named.filter(([, { path }]) => path.includes("{") && !path.startsWith("/v1/signed/"));
  test.each(others)("%s", async (_, operation) => {
    const answer = await send(operation, credential(operation, "bob"));
    expect(answer.status, JSON.stringify(answer.body)).toBe(404);
    expect(answer.body.error).toMatchObject(errorShape);
  });

  test("nothing of it is in any list", async () => {
    const lists = named.filter(
      ([, { method, path, open }]) => method === "GET" && !open && !path.includes("{"),
    );
    for (const [, operation] of lists) {
      // There is no logs service here.
      if (operation.path.includes("/logs") || operation.path.endsWith("openapi.json")) continue;
      const { status, body } = await send(operation, credential(operation, "bob"));
      expect(status, operation.path).toBe(operation.path.startsWith("/v1/system/") ? 403 : 200);
      expect(JSON.stringify(body)).not.toContain("adas");
    }
  });

  test("and nothing of it has changed", async () => {
    const { body } = await api.ask("/workers/adas", { as: api.ada });
    expect(body).toMatchObject({ name: "adas", lastVersion: 2, limits: {} });
    for (const path of [
      "/kv",
      "/storage",
      "/databases",
      "/queues",
      "/workers/adas/crons",
      "/workers/adas/domains",
    ]) {
      expect((await api.ask(path, { as: api.ada })).body.items, path).toHaveLength(1);
    }
  });
});

describe("bad input", () => {
  test.each(named.filter(([, { takesJson }]) => takesJson))(
    "%s refuses a body that is no object",
    async (_, operation) => {
      const answer = await api.ask(pathOf(operation), {
        method: operation.method,
        as: credential(operation, "ada"),
        json: [1],
      });
      expect(answer).toMatchObject({ status: 400, body: { error: { code: "INVALID_INPUT" } } });
      expect(answer.body.error.details.issues[0]).toHaveProperty("path");
    },
  );

  test.each(named.filter(([, { takesJson }]) => takesJson))(
    "%s refuses a field that it does not know",
    async (_, operation) => {
      const json = { ...bodies[`${operation.method} ${operation.path}`], nonsense: 1 };
      const answer = await api.ask(pathOf(operation), {
        method: operation.method,
        as: credential(operation, "ada"),
        json,
      });
      expect(answer).toMatchObject({ status: 400, body: { error: { code: "INVALID_INPUT" } } });
    },
  );

  test.each(named.filter(([, { takesJson }]) => takesJson))(
    "%s refuses what is not JSON",
    async (_, operation) => {
      const ask = (body: string, type: string) =>
        api.ask(pathOf(operation), {
          method: operation.method,
          as: credential(operation, "ada"),
          body,
          headers: { "content-type": type },
        });
      expect(await ask("{", "application/json")).toMatchObject({ status: 400 });
      // Sign-in takes forms of pages without a script.
      const isSignIn = operation.path.startsWith("/v1/auth/");
      const other = isSignIn ? "text/plain" : "application/x-www-form-urlencoded";
      expect(await ask("a=1", other)).toMatchObject({ status: 415 });
    },
  );

  test.each(named.filter(([, { open }]) => !open))(
    "%s refuses a query that it does not know",
    async (_, operation) => {
      const answer = await api.ask(`${pathOf(operation)}?nonsense=1`, {
        method: operation.method,
        as: credential(operation, "ada"),
        ...(operation.takesJson ? { json: bodies[`${operation.method} ${operation.path}`] ?? {} } : {}),
      });
      expect(answer).toMatchObject({ status: 400, body: { error: { code: "INVALID_INPUT" } } });
    },
  );
});

test("whatever a cookie is sent with, only the API's own pages change something", async () => {
  const ask = (headers: Record<string, string>) =>
    api.ask("/environments", {
      method: "POST",
      json: { name: "cookies" },
      headers: { cookie: `ow_session=${api.ada.token}`, ...headers },
    });
  for (const headers of [
    {},
    { origin: "http://evil.test" },
    { origin: "null" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "cross-site" },
  ]) {
    expect((await ask(headers as Record<string, string>)).status, JSON.stringify(headers)).toBe(403);
  }
  expect((await ask({ origin: "http://api.test" })).status).toBe(201);
});

test("sign-in is the identity worker's, and described with the rest", async () => {
  const answer = await api.ask("/auth/sign-in", { method: "POST", json: { email: "ada@example.com" } });
  expect(answer).toMatchObject({ status: 400, body: { error: { code: "INVALID_INPUT" } } });
  const { body } = await api.ask("/openapi.json");
  expect(body).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
  expect(body.paths["/v1/auth/sign-in"].post.tags).toEqual(["Sign-in"]);
});

test.each(named)("%s allows pages of other origins nothing", async (_, operation) => {
  for (const method of ["OPTIONS", operation.method]) {
    const { headers } = await api.ask(pathOf(operation), {
      method,
      headers: { origin: "http://evil.test", "access-control-request-method": operation.method },
    });
    expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  }
});
