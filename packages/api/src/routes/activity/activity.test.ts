import { afterAll, beforeAll, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { sql } from "kysely";
import { type TestApi, testApi } from "../../testing/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api[Symbol.asyncDispose]());

test("an account's deployments are those of all its workers, the newest first, page by page", async () => {
  await api.deploy(api.ada, "one", { message: "first" });
  await api.deploy(api.ada, "two", { message: "second" });
  await api.deploy(api.bob, "bobs");
  const { body: first } = await api.ask("/deployments?limit=1", { as: api.ada });
  expect(first.items).toMatchObject([
    { worker: "two", message: "second", createdBy: "ada", versions: [{ version: 1, percent: 100 }] },
  ]);
  const { body: rest } = await api.ask(`/deployments?cursor=${first.nextCursor}`, { as: api.ada });
  expect(rest).toMatchObject({ items: [{ worker: "one", message: "first" }], nextCursor: null });
});

test("an account's statistics are of its own workers, the busiest first", async () => {
  await api.deploy(api.ada, "quiet");
  await api.deploy(api.ada, "busy");
  await api.deploy(api.bob, "other");
  const { quiet, busy, other } = Object.fromEntries(
    await Promise.all(
      [
        ["quiet", api.ada],
        ["busy", api.ada],
        ["other", api.bob],
      ].map(async ([name, as]) => [name, (await api.ask(`/workers/${name}`, { as: as as never })).body.id]),
    ),
  );
  const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 600_000);
  await api.database.write(async (transaction) => {
    await sql`create table stats_of_test partition of worker_stats default`.execute(transaction);
    for (const [worker, requests, errors] of [
      [quiet, 1, 0],
      [busy, 20, 3],
      [other, 50, 50],
    ]) {
      await sql`insert into worker_stats (worker_id, minute, lines, requests, errors, outcomes, cpu_ms, wall_ms,
        wall_histogram, first_position, last_position)
        values (${worker}, ${minute}, 0, ${requests}, ${errors}, '{}', 0, 0, '{}', 1, 1)`.execute(
        transaction,
      );
    }
  });
  const { body } = await api.ask("/stats?hours=2&step=3600", { as: api.ada });
  expect(body.workers).toMatchObject([
    { worker: "busy", requests: 20, errors: 3, steps: [{ requests: 20, errors: 3 }] },
    { worker: "quiet", requests: 1, errors: 0 },
  ]);
  const { body: one } = await api.ask("/stats?workers=quiet,other", { as: api.ada });
  expect(one.workers).toMatchObject([{ worker: "quiet" }]);
  expect(await api.ask("/stats?hours=720&step=60", { as: api.ada })).toMatchObject({ status: 400 });
  const blind = await api.keyOf(api.ada.id, ["workers:read"]);
  expect(await api.ask("/stats", { as: blind })).toMatchObject({ status: 403 });
});

test("a cron is failing when its last run failed, and no more when a later one went well", async () => {
  await api.deploy(api.ada, "jobs", { crons: ["0 * * * *"] });
  const { body: listed } = await api.ask("/workers/jobs/crons", { as: api.ada });
  const { body: worker } = await api.ask("/workers/jobs", { as: api.ada });
  const ran = (outcome: "ok" | "exception", hour: number) =>
    api.database.write((transaction) =>
      transaction
        .insertInto("scheduled_events")
        .values({
          id: newId<"scheduled-event">(),
          worker_id: worker.id,
          cron_id: listed.items[0].id,
          cron: "0 * * * *",
          due_at: new Date(Date.UTC(2026, 10, 1, hour)),
          state: "finished",
          wall_ms: 1_000,
          publish_at: new Date(),
          finished_at: new Date(),
          outcome,
          error: outcome === "ok" ? null : "Error: no",
        })
        .execute(),
    );
  const failing = async () => (await api.ask("/crons/failing", { as: api.ada })).body.items;
  expect(await failing()).toEqual([]);
  await ran("exception", 1);
  expect(await failing()).toMatchObject([
    { worker: "jobs", expression: "0 * * * *", outcome: "exception", error: "Error: no" },
  ]);
  expect((await api.ask("/crons/failing", { as: api.bob })).body.items).toEqual([]);
  await ran("ok", 2);
  expect(await failing()).toEqual([]);
});

test("workers are found by what their names hold", async () => {
  await api.deploy(api.bob, "shop-front");
  await api.deploy(api.bob, "workshop");
  await api.deploy(api.bob, "garden");
  const { body } = await api.ask("/workers?search=SHOP", { as: api.bob });
  expect(body.items.map(({ name, url }: { name: string; url: string }) => [name, url])).toEqual([
    ["shop-front", "http://shop-front.test/"],
    ["workshop", "http://workshop.test/"],
  ]);
});
