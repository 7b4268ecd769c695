import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "kysely";
import { startTestRunner, type TestRunner } from "./testing/test-runner.ts";

let it: TestRunner;
beforeAll(async () => {
  it = await startTestRunner();
});
afterAll(() => it[Symbol.asyncDispose]());

const using = `
export default {
  async fetch(request, env) {
    await env.KV.put("key", "stored");
    await env.BUCKET.put("object", "kept");
    const object = await env.BUCKET.get("object");
    const { keys } = await env.KV.list();
    return new Response([await env.KV.get("key"), await object.text(), keys.length].join(" "));
  },
};`;

test("a worker whose calls all hang holds up neither another one's calls nor a cold start", async () => {
  const greedyStores = await it.createStores();
  const modestStores = await it.createStores();
  const bindings = ({ namespaceId, bucketId }: typeof greedyStores) => ({
    KV: { kind: "kv", namespaceId } as const,
    BUCKET: { kind: "storage", bucketId } as const,
  });
  await it.deploy(
    "greedy",
    `export default {
      async fetch(request, env) {
        const puts = Array.from({ length: 45 }, (_, index) => env.KV.put("held", String(index)));
        await Promise.all(puts);
        return new Response(String(puts.length));
      },
    };`,
    { bindings: bindings(greedyStores) },
  );
  await it.deploy("warm", using, { bindings: bindings(modestStores) });
  expect(await it.text("warm")).toBe("stored kept 1");
  await it.deploy("cold", using, { bindings: bindings(modestStores) });

  const done: string[] = [];
  const floods = await it.database.write(async (transaction) => {
    // Whoever puts this key waits for this transaction, with a connection in hand.
    const { namespaceId } = greedyStores;
    await sql`insert into kv_entries (namespace_id, key, value, size)
      values (${namespaceId}, ${Buffer.from("held")}, '', 0)`.execute(transaction);
    const flooding = Array.from({ length: 4 }, async () => {
      const text = await it.text("greedy");
      done.push(`greedy ${text}`);
    });
    const waiting = () =>
      sql<{ count: number }>`select count(*)::int from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(transaction);
    while (((await waiting()).rows[0]?.count ?? 0) === 0) await Bun.sleep(5);
    for (const worker of ["warm", "cold"]) done.push(`${worker} ${await it.text(worker)}`);
    return flooding;
  });
  await Promise.all(floods);
  expect(done).toEqual(["warm stored kept 1", "cold stored kept 1", ...Array(4).fill("greedy 45")]);
});

test("a worker that puts more at a time than may wait is told so, and goes on afterwards", async () => {
  const { namespaceId, bucketId } = await it.createStores();
  await it.deploy(
    "flood",
    `export default {
      async fetch(request, env) {
        const put = (text) => env.KV.put("held", text).then(() => "stored", async (error) => {
          console.log(error.message);
          await env.BUCKET.head("none").catch((error) => console.log(error.message));
          return error.message;
        });
        return Response.json(await Promise.all(Array.from({ length: 45 }, (_, index) => put(String(index)))));
      },
    };`,
    {
      bindings: { KV: { kind: "kv", namespaceId }, BUCKET: { kind: "storage", bucketId } },
      limits: { cpuMs: 30_000 },
    },
  );
  const tooMany = "KV PUT failed: 429 Too Many Requests";
  const flood = await it.database.write(async (transaction) => {
    await sql`insert into kv_entries (namespace_id, key, value, size)
      values (${namespaceId}, ${Buffer.from("held")}, '', 0)`.execute(transaction);
    const requests = Array.from({ length: 14 }, async () => JSON.parse(await it.text("flood")) as string[]);
    const told = (text: string) =>
      it.records.some((record) => record.kind === "line" && record.message.includes(text));
    while (!told(tooMany) || !told("Too many calls of KV and storage at a time")) await Bun.sleep(5);
    return requests;
  });
  const results = new Map(Object.entries(Object.groupBy((await Promise.all(flood)).flat(), (told) => told)));
  expect([...results.keys()].sort()).toEqual([tooMany, "stored"]);
  // As many as wait, and those that have their turn.
  expect(results.get("stored")?.length).toBeGreaterThanOrEqual(512);
  expect(new Set(JSON.parse(await it.text("flood")))).toEqual(new Set(["stored"]));
  expect(it.reports).toEqual([]);
});
