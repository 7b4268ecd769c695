import { afterAll, beforeAll, expect, test } from "bun:test";
import type { KVNamespace } from "@cloudflare/workers-types";
import { createResource } from "@openworkers/db";
import type { TestCell } from "../../cells/testing/test-cells.ts";
import { resultOf } from "../testing/binding-cells.ts";
import { type FaultRig, filled, haltingBody, startFaultRig } from "../testing/fault-rig.ts";

let rig: FaultRig;
beforeAll(async () => {
  rig = await startFaultRig(async (database, by) => ({
    KV: { kind: "kv", namespaceId: await createResource(database, "kv", { name: "test", by }) },
  }));
}, 60_000);
afterAll(() => rig?.[Symbol.asyncDispose]());

/** Puts the request's body, or gets: says what came of it. */
const worker = (): Promise<TestCell> =>
  rig.start((async ({ KV }: { KV: KVNamespace }, request: Request) => {
    if (request.method === "PUT") await KV.put("k", request.body as never);
    const value = await KV.get("k", "arrayBuffer");
    const first = value === null ? undefined : new Uint8Array(value)[0];
    return [
      value?.byteLength,
      first,
      value !== null && new Uint8Array(value).every((byte) => byte === first),
    ];
  }) as never);

test("PostgreSQL restarted in the middle of a put leaves the old value, says so, and all works again", async () => {
  await using cell = await worker();
  expect(await resultOf(await cell.fetch("/", { method: "PUT", body: filled(1) }))).toEqual([
    1_000_000,
    1,
    true,
  ]);

  const { body, half, go } = haltingBody(2);
  const answer = cell.fetch("/", { method: "PUT", body }).then(resultOf);
  answer.catch(() => {});
  await half;
  await rig.postgres.stop();
  go();
  await expect(answer).rejects.toThrow("KV PUT failed: 503 Service Unavailable");
  expect(rig.reports).toContainEqual(
    expect.objectContaining({
      message: "A binding failed.",
      details: expect.objectContaining({ error: expect.objectContaining({ code: "DATABASE_UNAVAILABLE" }) }),
    }),
  );

  await expect(cell.fetch().then(resultOf)).rejects.toThrow("KV GET failed: 503 Service Unavailable");
  await rig.postgres.start();
  expect(await resultOf(await cell.fetch())).toEqual([1_000_000, 1, true]);
  expect(await resultOf(await cell.fetch("/", { method: "PUT", body: filled(3) }))).toEqual([
    1_000_000,
    3,
    true,
  ]);
});

test("a get whose connections PostgreSQL has ended works at the next attempt", async () => {
  await using cell = await worker();
  await resultOf(await cell.fetch("/", { method: "PUT", body: filled(4) }));
  await rig.postgres.stop();
  await rig.postgres.start();
  expect(await resultOf(await cell.fetch())).toEqual([1_000_000, 4, true]);
});
