import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Tenant } from "./tenant.ts";
import { TestPostgate, until } from "./testing/test-postgate.ts";
import { type TestServer, testServers } from "./testing/test-server.ts";

describe.each(testServers)("when something breaks, on %s", (_, start) => {
  const stack = new AsyncDisposableStack();
  let server: TestServer;
  let gate: TestPostgate;
  let tenant: Tenant;

  beforeAll(async () => {
    server = stack.use(await start());
    gate = stack.use(await TestPostgate.open(server));
    tenant = await gate.make("faults");
    await gate.query(tenant, { sql: "create table items (id int)" });
  });
  afterAll(() => stack.disposeAsync());

  const running = async (what: string) =>
    (
      await gate.tenants.admin(
        `select from pg_stat_activity where pid <> pg_backend_pid() and state = 'active' and query like '%${what}%'`,
      )
    ).length;

  test("PostgreSQL that dies under a statement and comes back costs that statement alone", async () => {
    const call = gate.query(tenant, {
      batch: [{ sql: "insert into items values (1)" }, { sql: "select pg_sleep(3600)" }],
    });
    await until(async () => (await running("pg_sleep(3600)")) === 1);
    await server.kill();
    const { status, error } = await call;
    expect([status, error?.code]).toEqual([503, "DATABASE_UNAVAILABLE"]);
    const away = await gate.query(tenant, { sql: "select 1" });
    expect([away.status, away.error?.code]).toEqual([503, "DATABASE_UNAVAILABLE"]);
    expect(JSON.stringify(away.error)).not.toContain(server.address.host);
    await server.start();
    expect(await gate.rows(tenant, "select * from items")).toEqual([]);
    await until(() => gate.postgate.budget.usage.busy === 0);
  });

  test("a session that an administrator ends costs its statement alone", async () => {
    const call = gate.query(tenant, { sql: "select pg_sleep(3601)" });
    await until(async () => (await running("pg_sleep(3601)")) === 1);
    await gate.tenants.admin(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(3601)%' and pid <> pg_backend_pid()",
    );
    expect((await call).error).toMatchObject({ code: "DATABASE_UNAVAILABLE", sqlstate: "57P01" });
    expect(await gate.rows(tenant, "select 1")).toEqual([[1]]);
  });

  test("a Postgate that is killed in a batch leaves nothing half done, and no session", async () => {
    const body = { batch: [{ sql: "insert into items values (2)" }, { sql: "select pg_sleep(3602)" }] };
    const program = join(import.meta.dir, "testing/batch-program.ts");
    const args = [server.address, tenant, body].map((value) => JSON.stringify(value));
    const child = Bun.spawn([process.execPath, program, ...args], { stdout: "inherit", stderr: "inherit" });
    await until(async () => (await running("pg_sleep(3602)")) === 1);
    child.kill("SIGKILL");
    await child.exited;
    await until(async () => (await running("pg_sleep(3602)")) === 0);
    expect(await gate.rows(tenant, "select * from items")).toEqual([]);
  });

  test("draining lets calls end, and cancels what does not", async () => {
    const draining = await TestPostgate.open(server);
    const other = await draining.make("drained");
    await draining.query(other, { sql: "create table items (id int)" });
    const short = draining.query(other, { sql: "select 1 from pg_sleep(0.5)" });
    const long = draining.query(other, { script: "insert into items values (1); select pg_sleep(3603)" });
    await until(async () => (await running("pg_sleep(3603)")) === 1);
    const drained = draining.postgate.drain(1_500);
    expect((await draining.query(other, { sql: "select 1" })).error).toMatchObject({ code: "OVERLOADED" });
    expect((await short).results[0]?.rows).toEqual([[1]]);
    expect((await long).error).toMatchObject({ code: "OVERLOADED" });
    await drained;
    await draining.postgate[Symbol.asyncDispose]();
    await until(async () => (await draining.sessions(other)) === 0);
    await draining[Symbol.asyncDispose]();
  });
});
