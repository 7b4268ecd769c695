import { afterAll, beforeAll, expect, test } from "bun:test";
import { type KvNamespaceId, newId, type WorkerId } from "@openworkers/core";
import { createResource, ensureOperator } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { KvReader } from "./reader.ts";

let fixture: TestDatabase;
let namespaceId: KvNamespaceId;
beforeAll(async () => {
  fixture = await withTestDatabase();
  const { id: by } = await ensureOperator(fixture.database);
  namespaceId = await createResource(fixture.database, "kv", { name: "reader", by });
});
afterAll(() => fixture[Symbol.asyncDispose]());

const greedy: WorkerId = newId();
const modest: WorkerId = newId();
const key = Buffer.from("key");

/** Runs `work` while no query on entries comes to its end, and then lets them. */
async function whileStuck(work: () => void): Promise<void> {
  await fixture.database.write(async (transaction) => {
    await sql`lock table kv_entries in access exclusive mode`.execute(transaction);
    work();
  });
}

test("a worker that reads a single key is in the next query, however many keys another one waits for", async () => {
  const reader = new KvReader(fixture.database, 2);
  const order: string[] = [];
  const reads: Promise<unknown>[] = [];
  const read = (worker: WorkerId, name: string) =>
    reads.push(reader.read(worker, { namespaceId, key }).then(() => order.push(name)));
  await whileStuck(() => {
    for (let index = 0; index < 500; index++) read(greedy, "greedy");
    read(modest, "modest");
  });
  await Promise.all(reads);
  expect(order).toHaveLength(501);
  // Two reads are under way, each in a query of its own, and 32 are in the one after them, or in both of those; and the
  // greedy one's next 32 may be told of first.
  expect(order.indexOf("modest")).toBeLessThan(2 + 3 * 32);
});

test("a worker for whom too many keys are waited for is refused more, and another is not", async () => {
  const reader = new KvReader(fixture.database, 2);
  const reads: Promise<unknown>[] = [];
  let refused: Promise<unknown> | undefined;
  await whileStuck(() => {
    for (let index = 0; index < 4_096 + 2; index++) reads.push(reader.read(greedy, { namespaceId, key }));
    refused = reader.read(greedy, { namespaceId, key }).catch((thrown: unknown) => thrown);
    reads.push(reader.read(modest, { namespaceId, key }));
  });
  expect(await refused).toMatchObject({ code: "SUBREQUEST_LIMIT" });
  expect(new Set(await Promise.all(reads))).toEqual(new Set([undefined]));
});
