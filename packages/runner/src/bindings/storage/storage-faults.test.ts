import { afterAll, beforeAll, expect, test } from "bun:test";
import type { R2Bucket, FixedLengthStream as WorkerStream } from "@cloudflare/workers-types";
import type { Binding } from "@openworkers/core";
import {
  connect,
  createResource,
  type Database,
  type EmbeddedPostgres,
  ensureOperator,
  migrate,
  startEmbeddedPostgres,
  sweepStorage,
} from "@openworkers/db";
import { temporaryCluster } from "@openworkers/db/testing";
import type { TestCell } from "../../cells/testing/test-cells.ts";
import { type BindingCells, bindingCells, resultOf } from "../testing/binding-cells.ts";

// The runtime's own: what runs inside a cell is only text here.
declare const FixedLengthStream: typeof WorkerStream;

let postgres: EmbeddedPostgres;
let database: Database;
let cells: BindingCells;
let bindings: Readonly<Record<string, Binding>>;

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false });
  database = connect(postgres.url, { connectTimeoutMs: 2_000 });
  await migrate(database);
  const { id: by } = await ensureOperator(database);
  const bucketId = await createResource(database, "storage", { name: "test", by });
  bindings = { BUCKET: { kind: "storage", bucketId } };
  cells = await bindingCells(database);
}, 60_000);
afterAll(async () => {
  await cells?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

const size = 4_000_000;

/** Puts the request's body, or gets: says what came of it. */
const worker = (): Promise<TestCell> =>
  cells.start(bindings, (async ({ BUCKET }: { BUCKET: R2Bucket }, request: Request) => {
    if (request.method === "PUT") {
      const { readable, writable } = new FixedLengthStream(4_000_000);
      // Its failure is the put's, which is told.
      (request.body as never as ReadableStream).pipeTo(writable as never).catch(() => {});
      await BUCKET.put("k", readable);
    }
    const object = await BUCKET.get("k");
    const bytes = object === null ? undefined : new Uint8Array(await object.arrayBuffer());
    return [object?.size, bytes?.length, bytes?.[0], bytes?.every((byte) => byte === bytes[0])];
  }) as never);

const part = (byte: number) => new Uint8Array(1_000_000).fill(byte);

/** A body of four parts; `half` resolves when two are gone, and the rest follows `go`. */
function halting(byte: number) {
  const half = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent === 2) {
        half.resolve();
        await go.promise;
      }
      if (sent++ < 4) controller.enqueue(part(byte));
      else controller.close();
    },
  });
  return { body, half: half.promise, go: go.resolve };
}

async function put(cell: TestCell, byte: number): Promise<unknown> {
  const { body, go } = halting(byte);
  go();
  return resultOf(await cell.fetch("/", { method: "PUT", body }));
}

/** Contents in the database, whoever they belong to. */
async function contents(): Promise<number> {
  const { rows } = await database.read((queries) =>
    queries
      .selectFrom("storage_blobs")
      .select(({ fn }) => fn.countAll<number>().as("rows"))
      .executeTakeFirstOrThrow(),
  );
  return Number(rows);
}

test("PostgreSQL restarted in the middle of a put of an object leaves the old one, says so, and all works again", async () => {
  await using cell = await worker();
  expect(await put(cell, 1)).toEqual([size, size, 1, true]);
  const { body, half, go } = halting(2);
  const answer = cell.fetch("/", { method: "PUT", body }).then(resultOf);
  answer.catch(() => {});
  await half;
  await postgres.stop();
  go();
  await expect(answer).rejects.toThrow(/^Error: put: .*\(10\d\d\d\)$/);
  await expect(cell.fetch().then(resultOf)).rejects.toThrow(/^Error: get: .*\(10\d\d\d\)$/);
  expect(cells.reports).toContainEqual(
    expect.objectContaining({
      message: "Storage failed.",
      details: expect.objectContaining({
        worker: "test",
        error: expect.objectContaining({ code: "DATABASE_UNAVAILABLE" }),
      }),
    }),
  );
  await postgres.start();
  expect(await resultOf(await cell.fetch())).toEqual([size, size, 1, true]);
  expect(await put(cell, 3)).toEqual([size, size, 3, true]);
  // What was half written, and the object that was replaced, are nobody's and go.
  await sweepStorage(database, { idleMs: 0 });
  expect(await contents()).toBe(1);
});

test("an object is read whole after PostgreSQL has ended every connection, restarted between two reads", async () => {
  await using cell = await worker();
  await put(cell, 4);
  await postgres.stop();
  await postgres.start();
  expect(await resultOf(await cell.fetch())).toEqual([size, size, 4, true]);
});
