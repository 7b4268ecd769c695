import { expect, test } from "bun:test";
import { startTestNats } from "@openworkers/bus/testing";
import {
  encodeLogBatch,
  type LogBatch,
  type LogLine,
  logSubject,
  newId,
  type WorkerId,
} from "@openworkers/core";
import { ensureOperator } from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { OwHome, type RunningOw } from "../testing/ow.ts";

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

async function serve(home: OwHome, env: Record<string, string>, port: number) {
  const args = ["logs", "--json", "--logs-port", String(port), "--metrics-port", "0"];
  const running = home.start(args, { env });
  const ready: { logs: string; metricsPort: number } = JSON.parse(
    await running.line((text) => text.startsWith("{")),
  );
  return { running, ...ready };
}

async function messages(tail: RunningOw, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    found.push(JSON.parse(await tail.line((text) => text.startsWith("{"))).message);
  }
  return found;
}

test("ow tail goes on without gap or duplicate when the service was killed, and ow logs has all of it", async () => {
  await using fixture = await withTestDatabase();
  await using nats = await startTestNats();
  await using home = new OwHome();
  const bus = await nats.connect();
  const env = {
    DATABASE_URL: fixture.url,
    NATS_URL: `nats://${nats.servers[0]}`,
    OW_SECRET_KEY: (await home.ow(["secret", "new-key"])).stdout.trim(),
  };
  const owner_id = (await ensureOperator(fixture.database)).id;
  const workerId = newId<"worker">();
  await fixture.database.write((transaction) =>
    transaction.insertInto("workers").values({ id: workerId, name: "shop", owner_id }).execute(),
  );
  const publish = async (from: number, to: number) => {
    for (const message of numbers(from, to)) await bus.publish(...batch(workerId, message));
  };

  let service = await serve(home, env, 0);
  const { port } = new URL(service.logs);
  const health = await fetch(`http://127.0.0.1:${service.metricsPort}/health`);
  expect(await health.json()).toEqual({ ok: true });
  const reading = { ...env, OW_LOGS_URL: service.logs };
  const tail = home.start(["tail", "shop", "--json"], { env: reading });
  await tail.line((text) => text.startsWith("Following shop"));
  await publish(0, 50);
  const seen = await messages(tail, 50);
  await service.running.end("SIGKILL");
  await publish(50, 100);
  await tail.line((text) => text.includes("broke off"));
  service = await serve(home, env, Number(port));
  await publish(100, 150);
  seen.push(...(await messages(tail, 100)));
  expect(seen).toEqual(numbers(0, 150));
  expect(await tail.end("SIGINT")).toBe(0);

  const stored = async () => {
    const { stdout } = await home.ow(["logs", "shop", "--since", "1h", "--json"], { env: reading });
    return stdout.split("\n").flatMap((text) => (text === "" ? [] : [JSON.parse(text).message]));
  };
  // What the killed service held is stored when the bus gives it to the next.
  while ((await stored()).length < 150) await Bun.sleep(200);
  expect(await stored()).toEqual(numbers(0, 150));
  const metrics = await (await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`)).text();
  expect(metrics).toMatch(/^ow_logs_records_total \d+$/m);
  expect(await service.running.end("SIGTERM")).toBe(0);
}, 120_000);

test("ow logs says what it cannot do, what is not there, and takes a worker's own retention back", async () => {
  await using fixture = await withTestDatabase();
  await using nats = await startTestNats();
  await using home = new OwHome();
  const env = {
    DATABASE_URL: fixture.url,
    NATS_URL: `nats://${nats.servers[0]}`,
    OW_SECRET_KEY: (await home.ow(["secret", "new-key"])).stdout.trim(),
  };
  const owner_id = (await ensureOperator(fixture.database)).id;
  await fixture.database.write((transaction) =>
    transaction.insertInto("workers").values({ id: newId<"worker">(), name: "shop", owner_id }).execute(),
  );
  const keeps = async (keep: string) => {
    expect(await home.ow(["logs", "shop", "--keep", keep], { env })).toMatchObject({ code: 0 });
    return await fixture.database.read((queries) =>
      queries.selectFrom("workers").select("log_retention_days as days").executeTakeFirst(),
    );
  };
  expect(await keeps("3")).toEqual({ days: 3 });
  expect(await keeps("default")).toEqual({ days: null });

  const { code, stderr } = await home.ow(["logs", "--since", "1h"]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("--since is for reading") });
  const outcome = await home.ow(["logs", "shop", "--outcome", "exploded"], { env });
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("cpu-limit") });

  const service = await serve(home, env, 0);
  const reading = { ...env, OW_LOGS_URL: service.logs };
  const nothing = await home.ow(["logs", "shop", "--json"], { env: reading });
  expect(nothing).toMatchObject({ code: 0, stdout: "" });
  expect(nothing.stderr).toContain("Nothing that fits is stored of shop.");
  expect(await service.running.end("SIGTERM")).toBe(0);
}, 120_000);

test("a token for others reads one worker's logs until it is revoked", async () => {
  await using fixture = await withTestDatabase();
  await using nats = await startTestNats();
  await using home = new OwHome();
  const env = {
    DATABASE_URL: fixture.url,
    NATS_URL: `nats://${nats.servers[0]}`,
    OW_SECRET_KEY: (await home.ow(["secret", "new-key"])).stdout.trim(),
  };
  const owner_id = (await ensureOperator(fixture.database)).id;
  const other = newId<"worker">();
  await fixture.database.write((transaction) =>
    transaction
      .insertInto("workers")
      .values([
        { id: newId<"worker">(), name: "shop", owner_id },
        { id: other, name: "other", owner_id },
      ])
      .execute(),
  );
  const service = await serve(home, env, 0);
  const tokens = (...args: string[]) =>
    home.ow(["logs", "tokens", ...args, "--json"], { env: { ...env, OW_LOGS_URL: service.logs } });
  const made = await tokens("create", "shop", "--name", "grafana", "--expires", "1h");
  const { token, url, expiresAt } = JSON.parse(made.stdout);
  expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.now() + 3_600_000);
  expect(await tokens("create", "shop", "--name", "grafana")).toMatchObject({ code: 1 });
  const read = async (address: string) => {
    const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
    await answer.body?.cancel();
    return answer.status;
  };
  expect(await read(url)).toBe(200);
  expect(await read(new URL(`/workers/${other}/logs`, url).href)).toBe(403);
  expect(await read(new URL(`/workers/${other}/logs/query`, url).href)).toBe(403);

  // Those that `ow` makes for itself are not listed.
  expect(await home.ow(["logs", "shop"], { env: { ...env, OW_LOGS_URL: service.logs } })).toMatchObject({
    code: 0,
  });
  const listed = JSON.parse((await tokens("list", "shop")).stdout);
  expect(listed).toEqual([{ name: "grafana", createdAt: expect.any(String), expiresAt }]);
  expect(JSON.stringify(listed)).not.toContain(token);
  expect(await tokens("revoke", "other", "grafana")).toMatchObject({ code: 1 });
  expect(await tokens("revoke", "shop", "grafana")).toMatchObject({ code: 0 });
  expect(JSON.parse((await tokens("list", "shop")).stdout)).toEqual([]);
  while ((await read(url)) !== 401) await Bun.sleep(200);
  expect(await service.running.end("SIGTERM")).toBe(0);
}, 120_000);

function batch(workerId: WorkerId, message: string): [string, Uint8Array, { id: string }] {
  const line: LogLine = {
    kind: "line",
    time: Date.now(),
    workerId,
    worker: "shop",
    versionId: newId<"version">(),
    version: 1,
    level: "log",
    message,
  };
  const payload: LogBatch = { batchId: crypto.randomUUID(), records: [line] };
  return [logSubject(workerId), encodeLogBatch(payload), { id: payload.batchId }];
}
