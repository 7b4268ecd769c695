import { describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { newId } from "@openworkers/core";
import { type Database, listCrons, type Queries, type StoredScheduledEvent } from "@openworkers/db";
import { withTestServer } from "@openworkers/db/testing";
import { sql } from "kysely";
import { ChildProcess, type Run } from "./testing/child-process.ts";
import { type TestPlatform, testPlatform } from "./testing/platform.ts";
import { eventually, TestRunner } from "./testing/test-runner.ts";

const testMs = 120_000;

/** Each due time of each cron, from the first to the last, is one event that has run. */
function expectNoneForgotten(events: readonly StoredScheduledEvent[], crons: number): void {
  const byCron = Map.groupBy(events, ({ cronId }) => cronId);
  expect(byCron.size).toBe(crons);
  for (const [cronId, all] of byCron) {
    const dues = all.map(({ dueAt }) => dueAt.getTime()).sort((a, b) => a - b);
    const first = dues[0] ?? 0;
    expect({ cronId, dues }).toEqual({ cronId, dues: dues.map((_, index) => first + index * 1_000) });
    expect(all.filter(({ state, outcome }) => state !== "finished" || outcome !== "ok")).toEqual([]);
  }
}

/** Each event ran once, or twice where it says so: a runner may die with what it was given before it begins with it. */
function expectRunOnce(events: readonly StoredScheduledEvent[], runs: readonly Run[]): void {
  for (const { id, redelivered } of events) {
    const count = runs.filter(({ eventId }) => eventId === id).length;
    expect({ id, redelivered, count }).toEqual({
      id,
      redelivered: redelivered || count > 1,
      count: Math.min(Math.max(count, 1), 2),
    });
  }
}

/** Pauses the crons, waits until nothing is open, and returns all that there was. */
async function settle({ database, history }: TestPlatform): Promise<StoredScheduledEvent[]> {
  await database.read((queries) => queries.updateTable("crons").set({ next_due: null }).execute());
  return await eventually(async () => {
    const events = await history();
    return events.every(({ state }) => state === "finished" || state === "skipped") && events;
  });
}

describe("each due time runs once, and none is forgotten, when", () => {
  test(
    "schedulers and runners are killed again and again",
    async () => {
      await using platform = await testPlatform();
      await using parts = new AsyncDisposableStack();
      const runs: Run[] = [];
      const [server = ""] = platform.nats.servers;
      const roles = ["scheduler", "runner", "scheduler", "runner"] as const;
      const start = (role: (typeof roles)[number]) => new ChildProcess(role, platform.url, server, runs);
      const children = roles.map(start);
      parts.defer(async () => void (await Promise.all(children.map((child) => child.kill()))));
      await Promise.all(children.map((child) => child.ready));
      for (const seconds of ["*", "*,0", "*,1"]) await platform.add(`${seconds} * * * * *`);
      for (let kills = 0; kills < 16; kills++) {
        await Bun.sleep(100 + Math.random() * 900);
        const index = Math.floor(Math.random() * roles.length);
        await children[index]?.kill();
        children[index] = start(roles[index] ?? "scheduler");
        // Never all of them at a time: that is what the policies for late ones are for.
        if (kills % 4 === 3) await children[index].ready;
      }
      await Promise.all(children.map((child) => child.ready));
      const events = await settle(platform);
      expect(events.length).toBeGreaterThan(12);
      expectNoneForgotten(events, 3);
      expectRunOnce(events, runs);
    },
    testMs,
  );

  test(
    "NATS is killed and started again",
    async () => {
      await using platform = await testPlatform();
      await using runner = await TestRunner.start(await platform.nats.connect());
      await platform.scheduler();
      await platform.scheduler({ bus: await platform.nats.connect() });
      await platform.add("* * * * * *");
      const [node] = platform.nats.nodes;
      for (const restart of [1, 2, 3]) {
        await eventually(() => runner.runs.length >= 3 * restart);
        await node?.kill();
        await Bun.sleep(Math.random() * 3_000);
        await node?.start();
      }
      const before = runner.runs.length;
      await eventually(() => runner.runs.length >= before + 3);
      const events = await settle(platform);
      expectNoneForgotten(events, 1);
      expectRunOnce(events, runner.runs);
    },
    testMs,
  );

  test(
    "PostgreSQL is stopped and started again",
    async () => {
      await using server = await withTestServer();
      await using platform = await testPlatform(server);
      await using runner = await TestRunner.start(platform.bus);
      await platform.scheduler();
      await platform.scheduler();
      await platform.add("* * * * * *");
      for (const restart of [1, 2]) {
        await eventually(() => runner.runs.length >= 4 * restart);
        await server.postgres.stop();
        await Bun.sleep(Math.random() * 3_000);
        await server.postgres.start();
      }
      const before = runner.runs.length;
      await eventually(() => runner.runs.length >= before + 4);
      const events = await settle(platform);
      expectNoneForgotten(events, 1);
      expectRunOnce(events, runner.runs);
    },
    testMs,
  );

  test(
    "NATS loses all that it has stored",
    async () => {
      await using platform = await testPlatform();
      await platform.scheduler();
      const cron = await platform.add("* * * * * *");
      await eventually(
        async () => (await platform.history()).filter(({ state }) => state === "published").length >= 3,
      );
      await sql`update crons set next_due = null where id = ${cron.id}`.execute(platform.database.kysely);
      const [node] = platform.nats.nodes;
      await eventually(async () => !(await platform.history()).some(({ state }) => state === "waiting"));
      await node?.kill();
      await rm(join(node?.directory ?? "", "jetstream"), { recursive: true });
      await node?.start();
      await using runner = await TestRunner.start(await platform.nats.connect());
      const events = await settle(platform);
      expectNoneForgotten(events, 1);
      // It may have run before it was lost: nobody knows.
      expect(events.every(({ redelivered }) => redelivered)).toBe(true);
      for (const { id } of events)
        expect(runner.runs.filter(({ eventId }) => eventId === id)).toHaveLength(1);
    },
    testMs,
  );
});

/** Holds locks in a transaction that ends without effect when it is told to. */
async function holding(database: Database, lock: (queries: Queries) => Promise<unknown>) {
  const held = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const undone = new Error("undone");
  const transaction = database.kysely
    .transaction()
    .execute(async (queries) => {
      await lock(queries);
      held.resolve();
      await release.promise;
      throw undone;
    })
    .catch((thrown: unknown) => {
      if (thrown !== undone) held.reject(thrown);
    });
  await held.promise;
  return async () => {
    release.resolve();
    await transaction;
  };
}

/** Resolves when somebody waits for a lock. */
async function somebodyWaits({ kysely }: Database): Promise<void> {
  await eventually(async () => {
    const { rows } = await sql<{ waits: number }>`
      select count(*)::int as waits from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
    `.execute(kysely);
    return rows[0]?.waits !== 0;
  });
}

describe("a due time runs once, of a scheduler that is killed", () => {
  /** A scheduler alone, with a cron that is due in two seconds. */
  async function alone() {
    const platform = await testPlatform();
    const runs: Run[] = [];
    const runner = await TestRunner.start(platform.bus, ({ eventId, attempt }) => {
      runs.push({ eventId, attempt });
      return {};
    });
    const [server = ""] = platform.nats.servers;
    const first = new ChildProcess("scheduler", platform.url, server);
    await first.ready;
    const due = Math.ceil(Date.now() / 1_000 + 1) * 1_000;
    return {
      platform,
      runs,
      first,
      due,
      /** Adds the cron; the expression is due in an hour again. */
      add: async () => {
        const at = new Date(due);
        return await platform.addDue(`${at.getUTCSeconds()} ${at.getUTCMinutes()} * * * *`, due);
      },
      /** Has another scheduler take over, and expects that the one event has run as often as it says. */
      async expectOnce() {
        await platform.scheduler();
        const [event] = await eventually(async () => {
          const events = await platform.history();
          return events.length === 1 && events[0]?.state === "finished" && events;
        });
        expect(event).toMatchObject({ outcome: "ok", attempt: 1, dueAt: new Date(due), redelivered: false });
        expect(runs).toEqual([{ eventId: event?.id ?? "", attempt: 1 }]);
        const [cron] = await listCrons(platform.database);
        expect(cron?.nextDue?.getTime()).toBe(due + 3_600_000);
      },
      async [Symbol.asyncDispose]() {
        await first.kill();
        await runner[Symbol.asyncDispose]();
        await platform[Symbol.asyncDispose]();
      },
    };
  }

  test(
    "while its claim is being stored",
    async () => {
      await using step = await alone();
      const { platform, first, due } = step;
      // The same due time, by somebody who never commits: the claim waits for how that ends.
      const cronId = newId<"cron">();
      const at = new Date(due);
      const expression = `${at.getUTCSeconds()} ${at.getUTCMinutes()} * * * *`;
      await platform.database.write(async (transaction) => {
        await sql`
          insert into crons (id, worker_id, expression, timezone, source, retries, retry_delay_ms, late, late_cap, overlap,
            wall_ms, next_due)
          values (${cronId}, ${platform.workerId}, ${expression}, 'UTC', 'user', 0, 1000, 'once', 1, 'allow', 1000, null)
        `.execute(transaction);
      });
      const release = await holding(platform.database, (queries) =>
        sql`
          insert into scheduled_events (id, worker_id, cron_id, cron, due_at, state, wall_ms, publish_at)
          values (${newId()}, ${platform.workerId}, ${cronId}, ${expression}, ${at}, 'waiting', 1000, ${at})
        `.execute(queries),
      );
      await sql`update crons set next_due = ${at} where id = ${cronId}`.execute(platform.database.kysely);
      await somebodyWaits(platform.database);
      await first.kill();
      await release();
      await step.expectOnce();
    },
    testMs,
  );

  test(
    "after its claim and before it publishes",
    async () => {
      await using step = await alone();
      await step.add();
      await eventually(async () => (await step.platform.history()).length === 1);
      await step.first.kill();
      expect(step.runs).toEqual([]);
      await step.expectOnce();
    },
    testMs,
  );

  test(
    "after it published, before that and the result are written down",
    async () => {
      await using step = await alone();
      const { platform, runs, first } = step;
      await step.add();
      const [event] = await eventually(async () => {
        const events = await platform.history();
        return events.length === 1 && events;
      });
      const release = await holding(platform.database, (queries) =>
        sql`select from scheduled_events where id = ${event?.id} for update`.execute(queries),
      );
      await eventually(() => runs.length === 1);
      await somebodyWaits(platform.database);
      await first.kill();
      await release();
      await step.expectOnce();
    },
    testMs,
  );
});
