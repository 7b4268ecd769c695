import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Binding, newId } from "@openworkers/core";
import { createUser, type Database, deployVersion } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { noMeter } from "../../cells/byte-meter.ts";
import { testTarget } from "../../cells/testing/test-cells.ts";
import { type BindingCells, bindingCells } from "../testing/binding-cells.ts";
import { rateLimitPlugin } from "./rate-limit.ts";

let fixture: TestDatabase;
let database: Database;
let cells: BindingCells;
beforeAll(async () => {
  fixture = await withTestDatabase();
  database = fixture.database;
  cells = await bindingCells(database);
});
afterAll(async () => {
  await cells[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

interface Limiter {
  limit(options: unknown): Promise<{ success: boolean }>;
}

const limiter = (limit: number): Binding => ({
  kind: "rate-limit",
  settings: { namespace: newId(), limit, periodSeconds: 60 },
});

/** A worker of its own for a user. */
async function workerOf(by: Awaited<ReturnType<typeof createUser>>["id"], worker: string) {
  await deployVersion(database, {
    worker,
    by,
    code: {
      modules: [{ name: "index.js", type: "esModule", content: Buffer.from("export default {}") }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: [],
      sourceMaps: new Map(),
    },
  });
  return database.read((queries) =>
    queries.selectFrom("workers").select("id").where("name", "=", worker).executeTakeFirstOrThrow(),
  );
}

test("a worker is told when a key has had its calls, and mistakes are its own to read", async () => {
  const { id } = await createUser(database, "owner");
  await database.read((queries) =>
    queries
      .insertInto("workers")
      .values({ id: testTarget.workerId, name: testTarget.worker, owner_id: id })
      .execute(),
  );
  const result = await cells.run({ LIMITER: limiter(2) }, (async ({ LIMITER }: { LIMITER: Limiter }) => {
    const calls: boolean[] = [];
    for (const key of ["a", "a", "b", "a", "", "é"]) calls.push((await LIMITER.limit({ key })).success);
    const wrong: string[] = [];
    for (const options of [undefined, { key: 1 }, { key: "a", limit: 9 }]) {
      await LIMITER.limit(options).catch((error: Error) => wrong.push(error.message));
    }
    await LIMITER.limit({ key: "k".repeat(70_000) }).catch((error: Error) => wrong.push(error.message));
    return { calls, wrong };
  }) as never);
  expect(result).toEqual({
    calls: [true, true, true, false, true, true],
    wrong: [
      "invalid rate limit options",
      "invalid key: 1",
      "bad rate limit options: [limit]",
      "rate limit failed: 413 A key is longer than 65536 bytes.",
    ],
  });
});

test("an owner's workers count together, and other owners' apart", async () => {
  const [{ id: ada }, { id: bob }] = [await createUser(database, "ada"), await createUser(database, "bob")];
  const [one, two, theirs] = [
    await workerOf(ada, "one"),
    await workerOf(ada, "two"),
    await workerOf(bob, "theirs"),
  ];
  const handler = rateLimitPlugin.handler?.({
    database,
    shares: undefined as never,
    secretKeys: undefined as never,
    assets: undefined as never,
    report() {},
  });
  const binding = limiter(1) as never;
  const take = async ({ id: workerId }: typeof one) => {
    const request = new Request("http://rate-limit/", {
      method: "POST",
      body: "key",
      headers: { "content-length": "3" },
    });
    const caller = { target: { ...testTarget, workerId }, bindings: new Map(), meter: noMeter };
    return await (await handler?.serve(request, binding, caller))?.json();
  };
  expect([await take(one), await take(two), await take(theirs)]).toEqual([
    { success: true },
    { success: false },
    { success: true },
  ]);
  await handler?.[Symbol.asyncDispose]?.();
});
