import { afterAll, beforeAll, expect, test } from "bun:test";
import { testBus } from "@openworkers/bus/testing";
import { logsConsumer, streams } from "@openworkers/core";
import { sql } from "kysely";
import type { ServiceState } from "./system.ts";
import { type PlatformRig, platformRig, type TestPerson } from "./testing/platform-rig.ts";

let rig: PlatformRig;
let eve: TestPerson;
let operator: TestPerson;
let logs: ReturnType<typeof Bun.serve>;
let healthy = true;
const parts = new AsyncDisposableStack();
beforeAll(async () => {
  const { bus } = parts.use(testBus());
  for (const stream of Object.values(streams)) await bus.declare(stream);
  // A logs service that writes nothing for now.
  await (
    await bus.consume(
      {
        ...{ stream: streams.logs.name, name: logsConsumer, subject: streams.logs.subject },
        ...{ inFlight: 1, maxUnacknowledged: 1, ackWaitMs: 30_000, backoffMs: [] },
      },
      async () => {},
    )
  )[Symbol.asyncDispose]();
  for (const id of ["a", "b"]) await bus.publish("ow.logs.w", new Uint8Array(9), { id });
  logs = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => (healthy ? Response.json({ ok: true }) : new Response(null, { status: 503 })),
  });
  parts.defer(() => logs.stop(true));
  rig = parts.use(await platformRig({ bus, logsUrl: logs.url.href }));
  eve = await rig.person("eve");
  operator = await rig.person("admin");
  await rig.own.database.write((transaction) =>
    transaction.updateTable("users").set({ is_operator: true }).where("id", "=", operator.id).execute(),
  );
}, 60_000);
afterAll(() => parts[Symbol.asyncDispose]());

const services = async (): Promise<ReadonlyMap<string, ServiceState>> => {
  const { items } = (await (await rig.ask("/system/services", operator)).json()) as { items: ServiceState[] };
  return new Map(items.map((item) => [item.name, item]));
};
const figure = (state: ServiceState | undefined, name: string) =>
  state?.figures.find((each) => each.name === name)?.value;

test("services are told with what waits for each", async () => {
  const all = await services();
  expect([...all.keys()].sort()).toEqual(["api", "bus", "logs", "postgate", "postgres", "scheduler"]);
  expect(all.get("logs")?.state).toBe("up");
  expect(figure(all.get("logs"), "batches not stored yet")).toBe(2);
  expect(figure(all.get("bus"), "logs stored")).toBe(2);
  expect(all.get("bus")).toMatchObject({ state: "up" });
  expect(all.get("scheduler")).toMatchObject({ state: "up" });
  expect(figure(all.get("postgres"), "size")).toBeGreaterThan(1_000_000);
});

test("a logs service that is not well is down, and a cron that nobody takes makes the scheduler late", async () => {
  healthy = false;
  const worker = crypto.randomUUID();
  await rig.own.database.write(async (transaction) => {
    await sql`insert into workers (id, name, owner_id) values (${worker}, 'late', ${eve.id})`.execute(
      transaction,
    );
    await sql`insert into crons (id, worker_id, expression, timezone, source, retries, retry_delay_ms, late, late_cap,
        overlap, wall_ms, next_due)
      values (${crypto.randomUUID()}, ${worker}, '* * * * *', 'UTC', 'user', 0, 1000, 'once', 1, 'allow', 1000,
        now() - interval '5 min')`.execute(transaction);
  });
  try {
    const all = await services();
    expect(all.get("logs")?.state).toBe("down");
    expect(all.get("scheduler")?.state).toBe("late");
    expect(figure(all.get("scheduler"), "overdue")).toBe(1);
    expect(figure(all.get("scheduler"), "lateness")).toBeGreaterThan(299_000);
  } finally {
    healthy = true;
    await rig.own.database.write((transaction) =>
      sql`delete from workers where id = ${worker}`.execute(transaction),
    );
  }
});

test("versions are those that run, and no migration is missing", async () => {
  const versions = (await (await rig.ask("/system/versions", operator)).json()) as Record<string, unknown>;
  expect(versions).toMatchObject({ bun: Bun.version, pending: [], problem: null });
  expect(versions).toMatchObject({
    workerd: expect.stringMatching(/^1\.\d{8}\.\d+$/),
    postgres: expect.stringMatching(/^\d+\.\d+/),
    migrations: expect.arrayContaining([expect.objectContaining({ name: "0001_foundation" })]),
  });
});

test("nobody but an operator asks for any of it, nor with a key for less", async () => {
  const asked: [string, string][] = [
    ["GET", "/system/services"],
    ["GET", "/system/versions"],
    ["GET", "/system/users"],
    ["POST", "/system/reset-links?email=eve@example.com"],
    ["POST", "/system/setup-links"],
  ];
  const links = async () =>
    (await rig.own.database.read((queries) => sql`select from identity.setup_links`.execute(queries))).rows;
  for (const [method, path] of asked) {
    expect([path, (await rig.ask(path, eve, { method })).status]).toEqual([path, 403]);
    expect([path, (await rig.ask(path, "ow_forged", { method })).status]).toEqual([path, 401]);
    const lesser = rig.credential(operator, ["kv:read"]);
    expect([path, (await rig.ask(path, lesser, { method })).status]).toEqual([path, 403]);
  }
  const reader = rig.credential(operator, ["workers:read", "members:write"]);
  expect((await rig.ask("/system/setup-links", reader, { method: "POST" })).status).toBe(403);
  expect(await links()).toHaveLength(0);
  expect(await (await rig.ask("/system/setup-links", operator, { method: "POST" })).json()).toMatchObject({
    token: expect.stringMatching(/^[\w-]{43}$/),
  });
  expect(await links()).toHaveLength(1);
  const nobody = await rig.ask("/system/reset-links?email=nobody@example.com", operator, { method: "POST" });
  expect(nobody.status).toBe(404);
});
