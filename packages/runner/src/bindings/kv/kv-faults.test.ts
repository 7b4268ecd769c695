import { afterAll, beforeAll, expect, test } from "bun:test";
import type { KVNamespace } from "@cloudflare/workers-types";
import type { Binding } from "@openworkers/core";
import {
  connect,
  createResource,
  type Database,
  type EmbeddedPostgres,
  ensureOperator,
  migrate,
  startEmbeddedPostgres,
} from "@openworkers/db";
import { temporaryCluster } from "@openworkers/db/testing";
import type { TestCell } from "../../cells/testing/test-cells.ts";
import { type BindingCells, bindingCells, resultOf } from "../testing/binding-cells.ts";

let postgres: EmbeddedPostgres;
let database: Database;
let cells: BindingCells;
let bindings: Readonly<Record<string, Binding>>;

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false });
  database = connect(postgres.url, { connectTimeoutMs: 2_000 });
  await migrate(database);
  const { id: by } = await ensureOperator(database);
  bindings = { KV: { kind: "kv", namespaceId: await createResource(database, "kv", { name: "test", by }) } };
  cells = await bindingCells(database);
});
afterAll(async () => {
  await cells?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

/** Puts the request's body, or gets: says what came of it. */
const worker = (): Promise<TestCell> =>
  cells.start(bindings, (async ({ KV }: { KV: KVNamespace }, request: Request) => {
    if (request.method === "PUT") await KV.put("k", request.body as never);
    const value = await KV.get("k", "arrayBuffer");
    const first = value === null ? undefined : new Uint8Array(value)[0];
    return [
      value?.byteLength,
      first,
      value !== null && new Uint8Array(value).every((byte) => byte === first),
    ];
  }) as never);

const part = (byte: number) => new Uint8Array(1_000_000).fill(byte);

test("PostgreSQL restarted in the middle of a put leaves the old value, says so, and all works again", async () => {
  await using cell = await worker();
  expect(await resultOf(await cell.fetch("/", { method: "PUT", body: part(1) }))).toEqual([
    1_000_000,
    1,
    true,
  ]);

  const half = Promise.withResolvers<void>();
  const restarted = Promise.withResolvers<void>();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent === 2) {
        half.resolve();
        await restarted.promise;
      }
      if (sent++ < 4) controller.enqueue(part(2));
      else controller.close();
    },
  });
  const answer = cell.fetch("/", { method: "PUT", body }).then(resultOf);
  answer.catch(() => {});
  await half.promise;
  await postgres.stop();
  restarted.resolve();
  await expect(answer).rejects.toThrow("KV PUT failed: 503 Service Unavailable");
  expect(cells.reports).toContainEqual(
    expect.objectContaining({
      message: "A binding failed.",
      details: expect.objectContaining({ error: expect.objectContaining({ code: "DATABASE_UNAVAILABLE" }) }),
    }),
  );

  await expect(cell.fetch().then(resultOf)).rejects.toThrow("KV GET failed: 503 Service Unavailable");
  await postgres.start();
  expect(await resultOf(await cell.fetch())).toEqual([1_000_000, 1, true]);
  expect(await resultOf(await cell.fetch("/", { method: "PUT", body: part(3) }))).toEqual([
    1_000_000,
    3,
    true,
  ]);
});

test("a get whose connections PostgreSQL has ended works at the next attempt", async () => {
  await using cell = await worker();
  await resultOf(await cell.fetch("/", { method: "PUT", body: part(4) }));
  await postgres.stop();
  await postgres.start();
  expect(await resultOf(await cell.fetch())).toEqual([1_000_000, 4, true]);
});
