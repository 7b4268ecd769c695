import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { Tenant } from "../tenant.ts";
import { type Answer, read, TestPostgate, until } from "../testing/test-postgate.ts";
import { embedded, type TestServer } from "../testing/test-server.ts";
import type { HttpFace } from "./http-face.ts";
import { maxBodyBytes } from "./read-body.ts";

describe("the query protocol over HTTP", () => {
  const stack = new AsyncDisposableStack();
  let server: TestServer;
  let gate: TestPostgate;
  let tenant: Tenant;
  let face: HttpFace;
  let token: string;

  beforeAll(async () => {
    server = stack.use(await embedded());
    gate = stack.use(await TestPostgate.open(server));
    tenant = await gate.make("http");
    face = gate.postgate.listenHttp({});
    token = gate.tenants.token(tenant);
  });
  afterAll(() => stack.disposeAsync());

  const post = (
    body: string | Uint8Array<ArrayBuffer>,
    init: RequestInit & { readonly token?: string } = {},
  ) =>
    fetch(`${face.url}query`, {
      method: "POST",
      body,
      ...init,
      headers: { authorization: `Bearer ${init.token ?? token}` },
    });
  const ask = async (body: object): Promise<Answer> => read(await post(JSON.stringify(body)));

  test("answers whoever has a token, on loopback", async () => {
    expect(new URL(face.url).hostname).toBe("127.0.0.1");
    expect((await ask({ sql: "select $1::int4", params: ["7"] })).results).toMatchObject([{ rows: [[7]] }]);
    expect(await (await fetch(`${face.url}health`)).json()).toEqual({ ok: true });
  });

  test("refuses without a good token, and does not say which of its faults it has", async () => {
    const without = await fetch(`${face.url}query`, { method: "POST", body: "{}" });
    expect(without.status).toBe(401);
    expect((await read(without)).error?.code).toBe("UNAUTHORIZED");
    gate.events.length = 0;
    const wrong = await read(await post(JSON.stringify({ sql: "select 1" }), { token: "owd_wrong" }));
    expect([wrong.status, wrong.error?.code]).toEqual([401, "UNAUTHORIZED"]);
    expect(gate.events).toEqual([{ kind: "login-failed", address: "127.0.0.1" }]);
  });

  test.each([
    ["not json", 400],
    ["[]", 400],
    ['{"sql": 1}', 400],
    ['{"sql": "select 1", "rowMode": "array"}', 400],
    ['{"sql": "select $1", "params": [{}]}', 400],
    ['{"batch": []}', 400],
    ['{"batch": [{"sql": "select 1"}], "sql": "select 1"}', 400],
    ['{"script": ["select 1"]}', 400],
    ['{"sql": "select \'\\ud800\'"}', 400],
  ])("refuses %p with %p", async (body, status) => {
    const answer = await read(await post(body));
    expect([answer.status, answer.error?.code]).toEqual([status, "INVALID_INPUT"]);
  });

  test("refuses text that is not UTF-8, and what it does not serve", async () => {
    expect((await read(await post(new Uint8Array([0x7b, 0xff])))).error).toMatchObject({
      code: "INVALID_INPUT",
    });
    expect((await fetch(`${face.url}query`)).status).toBe(405);
    expect((await fetch(`${face.url}else`)).status).toBe(404);
  });

  test("takes a body of ten megabytes and no more, announced or not", async () => {
    const sql = "select length($1)";
    const most = maxBodyBytes - JSON.stringify({ sql, params: [""] }).length;
    expect((await ask({ sql, params: ["x".repeat(most)] })).results[0]?.rows).toEqual([[most]]);
    const large = JSON.stringify({ sql, params: ["x".repeat(most + 1)] });
    expect((await read(await post(large))).error).toMatchObject({ code: "BODY_TOO_LARGE" });
    const bytes = new TextEncoder().encode(large);
    const streamed = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    });
    const request = new Request("http://postgate/query", { method: "POST", body: streamed });
    const answer = await read(await gate.postgate.query(tenant.id, request, { worker: "test" }));
    expect(answer.error).toMatchObject({ code: "BODY_TOO_LARGE" });
  });

  test("holds no more than so much for answers that nobody reads, and a quarter of it for one tenant", async () => {
    await using small = await TestPostgate.open(server, { memoryBytes: 16 * 2 ** 20 });
    const [idle, busy] = [await small.make("idle reader"), await small.make("busy reader")];
    const ask = (of: Tenant) => {
      const body = JSON.stringify({ sql: "select repeat('x', 1500000)" });
      const request = new Request("http://postgate/query", { method: "POST", body });
      return small.postgate.query(of.id, request, { worker: "test" });
    };
    const unread = [await ask(idle), await ask(idle)];
    const third = await read(await ask(idle));
    expect([third.status, third.error?.code]).toEqual([503, "OVERLOADED"]);
    expect(small.events).toMatchObject([{ kind: "query-refused", code: "OVERLOADED" }]);
    expect(small.postgate.heldBytes).toBeGreaterThan(3_000_000);
    expect((await ask(busy)).status).toBe(200);
    await unread[0]?.body?.cancel();
    expect((await read(unread[1] ?? Response.error())).results[0]?.rows[0]?.[0]).toHaveLength(1_500_000);
    expect((await read(await ask(idle))).status).toBe(200);
  });

  test("an answer that a client leaves unread counts as held until the client is gone", async () => {
    const body = JSON.stringify({ sql: "select repeat('x', 9000000)" });
    const head = `POST /query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-length: ${body.length}\r\n\r\n`;
    const socket = connect(Number(new URL(face.url).port), "127.0.0.1");
    socket.pause();
    socket.write(head + body);
    await until(() => gate.postgate.heldBytes > 9_000_000 && gate.postgate.budget.usage.busy === 0);
    socket.destroy();
    await until(() => gate.postgate.heldBytes === 0);
  });

  test("cancels a statement when the client hangs up", async () => {
    const leaving = new AbortController();
    const call = post(JSON.stringify({ sql: "select pg_sleep(3600)" }), { signal: leaving.signal });
    const sleeping =
      "select from pg_stat_activity where state = 'active' and query = 'select pg_sleep(3600)'";
    await until(async () => (await gate.tenants.admin(sleeping)).length === 1);
    leaving.abort();
    await expect(call).rejects.toThrow();
    await until(async () => (await gate.tenants.admin(sleeping)).length === 0);
  });

  test("a database that is gone is not found", async () => {
    const request = new Request("http://postgate/query", { method: "POST", body: '{"sql":"select 1"}' });
    const other = { ...tenant, id: crypto.randomUUID() as Tenant["id"] };
    const answer = await read(await gate.postgate.query(other.id, request, { worker: "test" }));
    expect([answer.status, answer.error?.code]).toEqual([404, "NOT_FOUND"]);
  });

  test("a port that is taken is said to be", () => {
    const port = Number(new URL(face.url).port);
    expect(() => gate.postgate.listenHttp({ port })).toThrow(
      expect.objectContaining({ code: "PORT_IN_USE" }),
    );
  });
});
