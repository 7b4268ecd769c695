import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Tenant, tenantNames } from "../tenant.ts";
import { TestPostgate, until } from "../testing/test-postgate.ts";
import { embedded, type TestServer } from "../testing/test-server.ts";

describe("connections to tenants", () => {
  const stack = new AsyncDisposableStack();
  let server: TestServer;

  beforeAll(async () => {
    server = stack.use(await embedded());
  });
  afterAll(() => stack.disposeAsync());

  const pidOf = async (gate: TestPostgate, tenant: Tenant) =>
    (await gate.rows(tenant, "select pg_backend_pid()"))[0]?.[0];

  test("one tenant's 10,000 slow queries do not stand before another's", async () => {
    await using gate = await TestPostgate.open(server, { connections: 4 });
    const slow = await gate.make("slow", { connections: 10 });
    const quick = await gate.make("quick");
    const leaving = new AbortController();
    const codes = new Map<unknown, number>();
    let pending = 10_000;
    const calls = Array.from({ length: 10_000 }, async () => {
      const { error } = await gate.query(slow, { sql: "select pg_sleep(30)" }, leaving.signal);
      pending--;
      codes.set(error?.code, (codes.get(error?.code) ?? 0) + 1);
    });
    await until(async () => (await gate.sessions(slow)) > 0);
    for (let call = 0; call < 20; call++) expect(await gate.rows(quick, "select 1")).toEqual([[1]]);
    expect(pending).toBeGreaterThan(1_000);
    // What would have waited for hours was told so at once.
    expect([...codes]).toEqual([["OVERLOADED", 10_000 - pending]]);
    leaving.abort();
    await Promise.all(calls);
    await until(async () => gate.postgate.budget.usage.busy === 0);
    expect(await gate.rows(slow, "select 1")).toEqual([[1]]);
  });

  test("more callers than connections are all answered", async () => {
    await using gate = await TestPostgate.open(server, { connections: 5 });
    const tenants = await Promise.all(["a", "b", "c"].map((name) => gate.make(name, { connections: 3 })));
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => {
        const tenant = tenants[index % 3];
        return tenant === undefined ? [] : gate.rows(tenant, "select $1::int4", [String(index)]);
      }),
    );
    expect(answers.map(([row]) => row?.[0])).toEqual(Array.from({ length: 300 }, (_, index) => index));
    for (const tenant of tenants) expect(await gate.sessions(tenant)).toBeLessThanOrEqual(3);
  });

  test("a connection is used again, and ended when nobody has used it for a while", async () => {
    await using gate = await TestPostgate.open(server, { idleMs: 2_000 });
    const tenant = await gate.make("idle", { connections: 1 });
    const first = await pidOf(gate, tenant);
    expect(await pidOf(gate, tenant)).toBe(first);
    await until(async () => (await gate.sessions(tenant)) === 0);
    // The server's session is gone a moment before its end is heard of here.
    await until(() => gate.postgate.budget.usage.busy === 0);
    expect(gate.postgate.budget.usage).toEqual({ busy: 0, idle: 0 });
  });

  test("a tenant that has changed gets new connections", async () => {
    await using gate = await TestPostgate.open(server);
    const tenant = await gate.make("changing", { connections: 1 });
    const first = await pidOf(gate, tenant);
    const running = gate.rows(tenant, "select pg_backend_pid() from pg_sleep(1)");
    const sleeping = "select from pg_stat_activity where state = 'active' and query like '%pg_sleep(1)'";
    await until(async () => (await gate.tenants.admin(sleeping)).length === 1);
    gate.tenants.change(tenant);
    expect(await running).toEqual([[first]]);
    expect(await pidOf(gate, tenant)).not.toBe(first);
    await until(async () => (await gate.sessions(tenant)) === 1);
  });

  test("a role whose password was changed is healed once, and no more", async () => {
    let healed = 0;
    let good = true;
    await using gate: TestPostgate = await TestPostgate.open(server, {
      healRoles: async (tenant) => {
        healed++;
        const { id, place } = tenant;
        if (good && place.kind === "platform") {
          await gate.tenants.admin(
            `alter role ${tenantNames(id).roles.owner} password '${place.passwords.owner}'`,
          );
        }
        return tenant;
      },
    });
    const tenant = await gate.make("healed");
    const spoil = async () => {
      await gate.tenants.admin(`alter role ${tenantNames(tenant.id).roles.owner} password 'other'`);
      gate.tenants.change(tenant);
    };
    await spoil();
    expect(await gate.rows(tenant, "select 1")).toEqual([[1]]);
    good = false;
    await spoil();
    const { status, error } = await gate.query(tenant, { sql: "select 1" });
    expect([status, error?.code, healed]).toEqual([503, "DATABASE_UNAVAILABLE", 2]);
    expect(JSON.stringify(error)).not.toContain(tenantNames(tenant.id).database);
    await until(() => gate.postgate.budget.usage.busy === 0);
  });

  test("what a caller holds may be older than what is kept: healed, it connects with the passwords of now", async () => {
    await using gate: TestPostgate = await TestPostgate.open(server, {
      healRoles: async (tenant) => {
        if (tenant.place.kind !== "platform") throw new Error("not a platform's");
        return {
          ...tenant,
          place: { ...tenant.place, passwords: { ...tenant.place.passwords, owner: "newer" } },
        };
      },
    });
    const tenant = await gate.make("older");
    await gate.tenants.admin(`alter role ${tenantNames(tenant.id).roles.owner} password 'newer'`);
    expect(await gate.rows(tenant, "select 1")).toEqual([[1]]);
  });

  test("when the server has no connection left, a caller is told so", async () => {
    await using gate = await TestPostgate.open(server);
    const tenant = await gate.make("crowded");
    await gate.tenants.admin(`alter role ${tenantNames(tenant.id).roles.owner} connection limit 0`);
    const { error } = await gate.query(tenant, { sql: "select 1" });
    expect(error).toMatchObject({ code: "OVERLOADED" });
    expect(gate.events).toMatchObject([
      { kind: "connect-failed" },
      { kind: "query-refused", code: "OVERLOADED" },
    ]);
  });
});
