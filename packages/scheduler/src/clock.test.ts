import { describe, expect, test } from "bun:test";
import { withTestDatabase } from "@openworkers/db/testing";
import { type Clock, DatabaseClock } from "./clock.ts";
import { testPlatform } from "./testing/platform.ts";
import { eventually, TestRunner } from "./testing/test-runner.ts";

const hour = 3_600_000;

/** A clock that is set by the test, and shows PostgreSQL's time as it would be then. */
class SetClock implements Clock {
  #ahead = 0;

  now(): number {
    return Date.now() + this.#ahead;
  }

  set(time: number): void {
    this.#ahead = time - Date.now();
  }

  async sync(): Promise<void> {}
}

test("PostgreSQL's time goes on here between two looks at it", async () => {
  await using fixture = await withTestDatabase();
  const clock = await DatabaseClock.open(fixture.database);
  // Server and test are on one machine; the answer took no longer than this.
  const before = Date.now();
  await clock.sync();
  expect(clock.now()).toBeGreaterThanOrEqual(before - (Date.now() - before) - 1);
  expect(clock.now()).toBeLessThanOrEqual(Date.now() + 1 + (Date.now() - before));
  const first = clock.now();
  await Bun.sleep(20);
  expect(clock.now()).toBeGreaterThan(first + 15);
});

describe("when the clock is set", () => {
  // Somewhere in an hour, so that none begins meanwhile.
  const noon = Math.floor(Date.now() / hour) * hour + hour / 2;

  test("forward, late due times run as the policies say, and what comes next is next", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus);
    const clock = new SetClock();
    clock.set(noon);
    const crons = {
      skip: await platform.addDue("0 * * * *", noon + hour / 2, { late: "skip" }),
      once: await platform.addDue("0 0-23 * * *", noon + hour / 2, { late: "once" }),
      all: await platform.addDue("0 */1 * * *", noon + hour / 2, { late: "all", lateCap: 2 }),
    };
    const scheduler = await platform.scheduler({ clock });
    clock.set(noon + 3 * hour);
    await eventually(async () => {
      const events = await platform.history();
      return events.length === 4 && events.every(({ state }) => state !== "waiting" && state !== "published");
    });
    const times = async (cron: (typeof crons)["skip"]) =>
      (await platform.history(cron)).map(({ dueAt, state, reason, missed }) => ({
        hours: (dueAt.getTime() - noon) / hour,
        became: reason ?? state,
        missed,
      }));
    expect(await times(crons.skip)).toEqual([{ hours: 2.5, became: "late", missed: 2 }]);
    expect(await times(crons.once)).toEqual([{ hours: 2.5, became: "finished", missed: 2 }]);
    expect((await times(crons.all)).sort((a, b) => a.hours - b.hours)).toEqual([
      { hours: 1.5, became: "finished", missed: 1 },
      { hours: 2.5, became: "finished", missed: 0 },
    ]);
    expect(runner.runs).toHaveLength(3);
    expect(scheduler.stats().missed).toBe(5);
    const next = await platform.database.read((queries) =>
      queries.selectFrom("crons").select("next_due").execute(),
    );
    expect(next.map(({ next_due }) => next_due?.getTime())).toEqual(
      [3.5, 3.5, 3.5].map((at) => noon + at * hour),
    );
  });

  test("back, what has run does not run again, and what was due later is due then", async () => {
    await using platform = await testPlatform();
    await using runner = await TestRunner.start(platform.bus);
    const clock = new SetClock();
    clock.set(noon + hour);
    const cron = await platform.addDue("0 * * * *", noon + hour / 2, { late: "all" });
    await platform.scheduler({ clock });
    await eventually(() => runner.runs.length === 1);
    clock.set(noon);
    // Somebody makes it look as if it had not run yet: it is known by its due time.
    await platform.database.read((queries) =>
      queries
        .updateTable("crons")
        .set({ next_due: new Date(noon + hour / 2) })
        .execute(),
    );
    clock.set(noon + 2 * hour);
    await eventually(() => runner.runs.length === 2);
    expect(runner.runs.map(({ scheduledTime }) => (scheduledTime - noon) / hour)).toEqual([0.5, 1.5]);
    expect(await platform.history(cron)).toHaveLength(2);
  });
});

test("a due time that is a year away is waited for in steps, not in a loop", async () => {
  await using platform = await testPlatform();
  let looks = 0;
  const clock = { now: Date.now, sync: async () => void looks++ };
  await platform.scheduler({ clock, settings: { heartbeatMs: 50 } });
  await platform.add("0 0 1 1 *");
  await Bun.sleep(1_000);
  // One for each heartbeat, and the few that notifications asked for.
  expect(looks).toBeLessThan(40);
  expect(looks).toBeGreaterThan(2);
});
