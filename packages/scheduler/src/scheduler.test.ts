import { describe, expect, test } from "bun:test";
import { newId } from "@openworkers/core";
import { changeCron, listCrons, removeCron, runCron, type StoredScheduledEvent } from "@openworkers/db";
import { sql } from "kysely";
import { testPlatform } from "./testing/platform.ts";
import { eventually, TestRunner } from "./testing/test-runner.ts";

const ended = (events: readonly StoredScheduledEvent[]) => events.filter(({ state }) => state === "finished");

describe("a scheduler", () => {
  test("has a cron run at each due time, once, and writes down how it went", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus, () => ({ cpuMs: 7 }));
    await platform.scheduler();
    const cron = await platform.add("* * * * * *");
    const history = await eventually(async () => {
      const events = ended(await platform.history(cron));
      return events.length >= 4 && events;
    });
    const dues = history.map(({ dueAt }) => dueAt.getTime()).sort();
    expect(dues).toEqual(dues.map((_, index) => (dues[0] ?? 0) + index * 1_000));
    expect(dues[0]).toBe(cron.nextDue?.getTime() ?? 0);
    for (const event of history) {
      expect(event).toMatchObject({ outcome: "ok", attempt: 1, cpuMs: 7, redelivered: false, missed: 0 });
      const runs = runner.runs.filter(({ eventId }) => eventId === event.id);
      expect(runs).toMatchObject([
        {
          cron: "* * * * * *",
          cronId: cron.id,
          workerId: platform.workerId,
          scheduledTime: event.dueAt.getTime(),
          attempt: 1,
          wallMs: 900_000,
        },
      ]);
      // Claimed ahead of its time, and not run ahead of it. Both clocks are this machine's.
      expect(runs[0]?.at).toBeGreaterThanOrEqual(event.dueAt.getTime() - 5);
    }
    expect(platform.reports).toEqual([]);
  });

  test("is one of any number: each due time is one event and one run", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus);
    const buses = await Promise.all([1, 2, 3].map(() => platform.nats.connect()));
    const schedulers = await Promise.all(buses.map((bus) => platform.scheduler({ bus })));
    const crons = await Promise.all(
      Array.from({ length: 20 }, (_, index) => platform.add(`${"*,".repeat(index)}* * * * * *`)),
    );
    const history = await eventually(async () => {
      const events = ended(await platform.history());
      return events.length >= 60 && events;
    });
    const runs = new Map<string, number>();
    for (const { eventId } of runner.runs) runs.set(eventId, (runs.get(eventId) ?? 0) + 1);
    for (const { id } of history) expect(runs.get(id)).toBe(1);
    const keys = history.map(({ cronId, dueAt }) => `${cronId} ${dueAt.getTime()}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(history.map(({ cronId }) => cronId)).size).toBe(crons.length);
    expect(schedulers.reduce((sum, each) => sum + each.stats().published, 0)).toBeGreaterThanOrEqual(60);
  });

  test("runs each of a thousand that are due at the same second once, two schedulers or not", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus);
    const due = Math.ceil((Date.now() + 3_000) / 1_000) * 1_000;
    await platform.database.read((queries) =>
      sql`
        with workers as (
          insert into workers (id, name, owner_id)
          select gen_random_uuid(), 'many-' || number, ${platform.by}::uuid from generate_series(1, 10) as number
          returning id
        )
        insert into crons (id, worker_id, expression, timezone, source, retries, retry_delay_ms, late, late_cap, overlap,
          wall_ms, next_due)
        select gen_random_uuid(), id, number % 60 || ' ' || number / 60 || ' 1 1 *', 'UTC', 'user', 0, 1000, 'once', 1,
          'allow', 30000, to_timestamp(${due} / 1000.0)
        from workers, generate_series(0, 99) as number
      `.execute(queries),
    );
    await Promise.all([platform.scheduler(), platform.scheduler({ bus: await platform.nats.connect() })]);
    const finished = async () => {
      const { rows } = await platform.database.read((queries) =>
        sql<{ cron_id: string }>`select cron_id from scheduled_events where state = 'finished'`.execute(
          queries,
        ),
      );
      return rows.length >= 1_000 && rows;
    };
    const rows = await eventually(finished);
    expect(new Set(rows.map((row) => row.cron_id)).size).toBe(1_000);
    // One whose acknowledgement did not come in time may run once more, and says so.
    const first = runner.runs.filter(({ redelivered }) => !redelivered);
    const runs = first.map(({ cronId, scheduledTime }) => `${cronId} ${scheduledTime}`);
    expect(runs).toHaveLength(1_000);
    expect(new Set(runs).size).toBe(1_000);
    expect(runner.runs.every(({ scheduledTime }) => scheduledTime === due)).toBe(true);
    expect(platform.reports).toEqual([]);
  });

  test("runs a cron on demand, at once, though it is paused", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus);
    // Nothing but the notification wakes it.
    await platform.scheduler({ settings: { heartbeatMs: 600_000 } });
    const cron = await platform.add("0 0 1 1 *");
    const choice = { worker: "hello", cron: cron.id, by: platform.by };
    await changeCron(platform.database, choice, { paused: true });
    const event = await runCron(platform.database, choice);
    await eventually(async () => ended(await platform.history()).length === 1);
    expect(runner.runs).toMatchObject([{ eventId: event.id, scheduledTime: event.dueAt.getTime() }]);
  });

  test("does not run what was claimed ahead and paused or removed before its time", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus);
    const scheduler = await platform.scheduler({
      settings: { lookaheadMs: 3_600_000, heartbeatMs: 600_000 },
    });
    const soon = Date.now() + 4_000;
    const paused = await platform.addDue("0 * * * *", soon);
    const removed = await platform.addDue("1 * * * *", soon);
    const stays = await platform.addDue("2 * * * *", soon);
    await runCron(platform.database, { worker: "hello", cron: stays.id, by: platform.by });
    await eventually(() => scheduler.stats().claimed >= 3);
    await changeCron(
      platform.database,
      { worker: "hello", cron: paused.id, by: platform.by },
      { paused: true },
    );
    await removeCron(platform.database, { worker: "hello", cron: removed.id, by: platform.by });
    await eventually(() => runner.runs.find(({ scheduledTime }) => scheduledTime === soon));
    const reasons = (await platform.history()).flatMap(({ reason }) => reason ?? []);
    expect(new Set(reasons)).toEqual(new Set(["paused", "removed"]));
    await eventually(async () =>
      (await platform.history(stays)).some(
        (event) => event.dueAt.getTime() === soon && event.state === "finished",
      ),
    );
    expect(new Set(runner.runs.map(({ cronId }) => cronId))).toEqual(new Set([stays.id]));
  });

  test("tries a failed run again as its policy says, and says what it threw", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus, ({ attempt }) =>
      attempt < 3 ? { outcome: "exception", error: `no\0t ${attempt} \ud800` } : {},
    );
    await platform.scheduler();
    const cron = await platform.add("0 0 1 1 *", { retries: 5, retryDelayMs: 1_000 });
    await runCron(platform.database, { worker: "hello", cron: cron.id, by: platform.by });
    const failed = await eventually(async () =>
      (await platform.history()).find(({ attempt }) => attempt === 2),
    );
    expect(failed).toMatchObject({ outcome: "exception", error: "no␀t 1 \ufffd" });
    const [event] = await eventually(async () => {
      const events = ended(await platform.history());
      return events.length === 1 && events;
    });
    expect(event).toMatchObject({ outcome: "ok", attempt: 3, error: null });
    expect(runner.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    const [first, second, third] = runner.runs.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000);
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(2_000);
  });

  test("skips due times while an earlier run goes on, where the policy says so", async () => {
    await using platform = await testPlatform();
    const hold = Promise.withResolvers<void>();
    await using runner = await TestRunner.start(platform.bus, async () => {
      await hold.promise;
      return {};
    });
    await platform.scheduler();
    const cron = await platform.add("* * * * * *", { overlap: "skip" });
    const skipped = await eventually(async () => {
      const events = (await platform.history(cron)).filter(({ reason }) => reason === "overlap");
      return events.length >= 2 && events;
    });
    expect(runner.runs).toHaveLength(1);
    expect(skipped.every(({ state }) => state === "skipped")).toBe(true);
    hold.resolve();
    await eventually(() => runner.runs.length >= 3);
  });

  test("puts a cron to rest that is never due again or cannot be read, and goes on with the others", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus);
    const bad = await platform.add("5 * * * *");
    await platform.database.read((queries) =>
      queries
        .insertInto("crons")
        .columns([
          "id",
          "worker_id",
          "expression",
          "timezone",
          "source",
          "retries",
          "retry_delay_ms",
          "late",
          "late_cap",
          "overlap",
          "wall_ms",
          "next_due",
        ])
        .expression((eb) =>
          eb
            .selectFrom("crons")
            .select(({ val }) => [
              val(newId<"cron">()).as("id"),
              "worker_id",
              "expression",
              val("Atlantis/Capital").as("timezone"),
              "source",
              "retries",
              "retry_delay_ms",
              "late",
              "late_cap",
              "overlap",
              "wall_ms",
              val(new Date(Date.now() - 1_000)).as("next_due"),
            ])
            .where("id", "=", bad.id),
        )
        .execute(),
    );
    const scheduler = await platform.scheduler();
    const good = await platform.add("* * * * * *");
    await eventually(() => runner.runs.some(({ cronId }) => cronId === good.id));
    const rested = (await listCrons(platform.database)).find(({ timezone }) =>
      timezone.startsWith("Atlantis"),
    );
    expect(rested).toMatchObject({ nextDue: null, problem: expect.stringContaining("not a time zone") });
    expect(platform.reports).toEqual([expect.stringContaining("A cron is put to rest.")]);
    expect(scheduler.stats().claimed).toBeGreaterThanOrEqual(1);
  });
});
