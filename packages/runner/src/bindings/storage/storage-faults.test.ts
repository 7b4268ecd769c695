import { afterAll, beforeAll, expect, test } from "bun:test";
import type { R2Bucket, FixedLengthStream as WorkerStream } from "@cloudflare/workers-types";
import { createResource, sweepStorage } from "@openworkers/db";
import type { TestCell } from "../../cells/testing/test-cells.ts";
import { resultOf } from "../testing/binding-cells.ts";
import { type FaultRig, haltingBody, startFaultRig } from "../testing/fault-rig.ts";

// The runtime's own: what runs inside a cell is only text here.
declare const FixedLengthStream: typeof WorkerStream;

let rig: FaultRig;
beforeAll(async () => {
  rig = await startFaultRig(async (database, by) => ({
    BUCKET: { kind: "storage", bucketId: await createResource(database, "storage", { name: "test", by }) },
  }));
}, 60_000);
afterAll(() => rig?.[Symbol.asyncDispose]());

const size = 4_000_000;

/** Puts the request's body, or gets: says what came of it. */
const worker = (): Promise<TestCell> =>
  rig.start((async ({ BUCKET }: { BUCKET: R2Bucket }, request: Request) => {
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

async function put(cell: TestCell, byte: number): Promise<unknown> {
  const { body, go } = haltingBody(byte);
  go();
  return resultOf(await cell.fetch("/", { method: "PUT", body }));
}

/** Contents in the database, whoever they belong to. */
async function contents(): Promise<number> {
  const { rows } = await rig.database.read((queries) =>
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
  const { body, half, go } = haltingBody(2);
  const answer = cell.fetch("/", { method: "PUT", body }).then(resultOf);
  answer.catch(() => {});
  await half;
  await rig.postgres.stop();
  go();
  await expect(answer).rejects.toThrow(/^Error: put: .*\(10\d\d\d\)$/);
  await expect(cell.fetch().then(resultOf)).rejects.toThrow(/^Error: get: .*\(10\d\d\d\)$/);
  expect(rig.reports).toContainEqual(
    expect.objectContaining({
      message: "Storage failed.",
      details: expect.objectContaining({
        worker: "test",
        error: expect.objectContaining({ code: "DATABASE_UNAVAILABLE" }),
      }),
    }),
  );
  await rig.postgres.start();
  expect(await resultOf(await cell.fetch())).toEqual([size, size, 1, true]);
  expect(await put(cell, 3)).toEqual([size, size, 3, true]);
  // What was half written, and the object that was replaced, are nobody's and go.
  await sweepStorage(rig.database, { idleMs: 0 });
  expect(await contents()).toBe(1);
});

test("an object is read whole after PostgreSQL has ended every connection, restarted between two reads", async () => {
  await using cell = await worker();
  await put(cell, 4);
  await rig.postgres.stop();
  await rig.postgres.start();
  expect(await resultOf(await cell.fetch())).toEqual([size, size, 4, true]);
});
