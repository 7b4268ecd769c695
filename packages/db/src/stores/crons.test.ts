import { describe, expect, test } from "bun:test";
import { defaultCronPolicy, maxCronsPerWorker, newId, type ScheduledEventId } from "@openworkers/core";
import { listAudit } from "./audit.ts";
import { addCron, changeCron, databaseTime, listCrons, removeCron } from "./crons.ts";
import { listScheduledEvents, runCron } from "./scheduled-events.ts";
import { codeOf, platform, rejection } from "./testing/fixtures.ts";

async function withWorker() {
  const fixture = await platform();
  const { workerId } = await fixture.deploy("hello");
  const { database, ada: by } = fixture;
  const choice = (cron: string) => ({ worker: "hello", cron, by });
  return {
    ...fixture,
    workerId,
    choice,
    add: (expression: string) => addCron(database, { worker: "hello", expression, by }),
  };
}

describe("a cron", () => {
  test("is added with the default policy, due from now on, and listed", async () => {
    await using fixture = await withWorker();
    const before = Date.now();
    const cron = await fixture.add("*/5 * * * *");
    expect(cron).toMatchObject({
      ...defaultCronPolicy,
      worker: "hello",
      timezone: "UTC",
      source: "user",
      paused: false,
      problem: null,
    });
    const next = cron.nextDue?.getTime() ?? 0;
    expect(next % 300_000).toBe(0);
    expect(next).toBeGreaterThan(before);
    expect(next).toBeLessThanOrEqual(Date.now() + 300_000);
    expect(await listCrons(fixture.database, "hello")).toEqual([cron]);
    expect(await listCrons(fixture.database)).toEqual([cron]);
    expect(await rejection(listCrons(fixture.database, "nobody"))).toMatchObject({ code: "NOT_FOUND" });
    expect(await listAudit(fixture.database, { subject: "hello", limit: 1 })).toMatchObject([
      { action: "cron.add", user: "ada", details: { cron: "*/5 * * * *" } },
    ]);
  });

  test("is refused when it cannot be read, is there already, has a wrong policy, or is for another's worker", async () => {
    await using fixture = await withWorker();
    const { database, ada: by, bob } = fixture;
    const cron = { worker: "hello", expression: "0 * * * *", by };
    await addCron(database, cron);
    const refused = [
      [{ ...cron, expression: "0 * * *" }, "INVALID_INPUT"],
      [{ ...cron, timezone: "Moon/Base" }, "INVALID_INPUT"],
      [{ ...cron, policy: { wallMs: 900_001 } }, "INVALID_INPUT"],
      [{ ...cron, policy: { retries: 11 } }, "INVALID_INPUT"],
      [cron, "CONFLICT"],
      [{ ...cron, worker: "nobody" }, "NOT_FOUND"],
      [{ ...cron, expression: "1 * * * *", by: bob }, "FORBIDDEN"],
    ] as const;
    for (const [input, code] of refused) {
      expect({ input, refused: await rejection(addCron(database, input)) }).toMatchObject({
        refused: { code },
      });
    }
    await addCron(database, { ...cron, timezone: "Europe/Berlin" });
    expect(await listCrons(database, "hello")).toHaveLength(2);
  });

  test("is one of a hundred at most", async () => {
    await using fixture = await withWorker();
    for (let minute = 0; minute < 60; minute++) await fixture.add(`${minute} * * * *`);
    for (let minute = 0; minute < 40; minute++) await fixture.add(`${minute} 1 * * *`);
    expect(await rejection(fixture.add("50 1 * * *"))).toMatchObject({ code: "CONFLICT" });
    expect(await listCrons(fixture.database, "hello")).toHaveLength(maxCronsPerWorker);
  });

  test("that is paused is not due, and is due from then on when it goes on", async () => {
    await using fixture = await withWorker();
    const { database, choice } = fixture;
    const cron = await fixture.add("* * * * * *");
    const paused = await changeCron(database, choice(cron.id), { paused: true });
    expect(paused).toMatchObject({ paused: true, nextDue: null });
    const before = await database.read(databaseTime);
    const resumed = await changeCron(database, choice("* * * * * *"), { paused: false });
    expect(resumed.nextDue?.getTime()).toBeGreaterThan(before);
    expect(resumed.paused).toBe(false);
  });

  test("is chosen by its time zone where its expression is not enough", async () => {
    await using fixture = await withWorker();
    const { database, ada: by, choice } = fixture;
    await fixture.add("0 9 * * *");
    await addCron(database, { worker: "hello", expression: "0 9 * * *", timezone: "Asia/Tokyo", by });
    expect(await rejection(removeCron(database, choice("0 9 * * *")))).toMatchObject({
      code: "CONFLICT",
      hint: expect.stringContaining("--timezone UTC or --timezone Asia/Tokyo"),
    });
    await removeCron(database, { ...choice("0 9 * * *"), timezone: "Asia/Tokyo" });
    expect(await listCrons(database, "hello")).toMatchObject([{ timezone: "UTC" }]);
    expect(await rejection(removeCron(database, choice("1 9 * * *")))).toMatchObject({ code: "NOT_FOUND" });
  });

  test("that runs on demand has an event, and its removal leaves the history but not what waits", async () => {
    await using fixture = await withWorker();
    const { database, choice } = fixture;
    const cron = await fixture.add("0 0 1 1 *");
    const event = await runCron(database, choice(cron.id));
    expect(event).toMatchObject({
      cronId: cron.id,
      cron: "0 0 1 1 *",
      manual: true,
      state: "waiting",
      attempt: 1,
    });
    const done = newId<"scheduled-event">();
    await database.write((transaction) =>
      transaction
        .insertInto("scheduled_events")
        .values({
          id: done,
          worker_id: fixture.workerId,
          cron_id: cron.id,
          cron: cron.expression,
          due_at: new Date(0),
          state: "finished",
          wall_ms: 1_000,
          publish_at: new Date(0),
          outcome: "ok",
        })
        .execute(),
    );
    await removeCron(database, choice(cron.id));
    const history = await listScheduledEvents(database, { worker: "hello", cron: "0 0 1 1 *" });
    expect(history.map(({ id, state, reason, cronId }) => ({ id, state, reason, cronId }))).toEqual([
      { id: done, state: "finished", reason: null, cronId: null },
      { id: event.id as ScheduledEventId, state: "skipped", reason: "removed", cronId: null },
    ]);
  });
});

describe("a deploy whose manifest has crons", () => {
  test("replaces those of the manifest before it, and leaves unchanged and users' ones as they are", async () => {
    await using fixture = await withWorker();
    const { database, deploy, choice } = fixture;
    const own = await fixture.add("0 3 * * *");
    await deploy("hello", { crons: ["0 1 * * *", "0 2 * * *", "0 1 * * *"] });
    const first = await listCrons(database, "hello");
    expect(first.map(({ expression, source }) => [expression, source])).toEqual([
      ["0 3 * * *", "user"],
      ["0 1 * * *", "manifest"],
      ["0 2 * * *", "manifest"],
    ]);
    await changeCron(database, choice("0 2 * * *"), { policy: { retries: 3 }, paused: true });
    await deploy("hello", { crons: ["0 2 * * *", "0 4 * * *"], code: codeOf("two") });
    const second = await listCrons(database, "hello");
    expect(second.map(({ expression }) => expression)).toEqual(["0 3 * * *", "0 2 * * *", "0 4 * * *"]);
    expect(second[0]).toEqual(own);
    expect(second[1]).toMatchObject({ id: first[2]?.id as never, retries: 3, paused: true });

    await deploy("hello", { code: codeOf("three") });
    expect(await listCrons(database, "hello")).toEqual(second);
    await deploy("hello", { crons: [], code: codeOf("four") });
    expect(await listCrons(database, "hello")).toEqual([own]);
  });

  test("that cannot be read changes nothing", async () => {
    await using fixture = await withWorker();
    await fixture.deploy("hello", { crons: ["0 1 * * *"] });
    const before = await listCrons(fixture.database);
    const refused = fixture.deploy("hello", { crons: ["0 5 * * *", "0 0 30 2 *"], code: codeOf("two") });
    expect(await rejection(refused)).toMatchObject({ code: "INVALID_INPUT" });
    expect(await listCrons(fixture.database)).toEqual(before);
  });
});
