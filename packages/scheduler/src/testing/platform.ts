import type { Bus } from "@openworkers/bus";
import { startTestNats, type TestNats } from "@openworkers/bus/testing";
import type { CronPolicy, UserId, WorkerId } from "@openworkers/core";
import {
  addCron,
  type Database,
  deployVersion,
  ensureOperator,
  listScheduledEvents,
  type StoredCron,
  type StoredScheduledEvent,
} from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { createScheduler, type Scheduler, type SchedulerOptions } from "../scheduler.ts";
import { testSettings } from "./settings.ts";

/** A platform's database with one worker, and a nats-server. */
export interface TestPlatform extends AsyncDisposable {
  readonly database: Database;
  readonly url: string;
  readonly nats: TestNats;
  readonly bus: Bus;
  readonly by: UserId;
  readonly workerId: WorkerId;
  /** What schedulers reported. */
  readonly reports: string[];
  add(expression: string, policy?: Partial<CronPolicy>): Promise<StoredCron>;
  /** Adds a cron that was next due at `nextDue`. */
  addDue(expression: string, nextDue: number, policy?: Partial<CronPolicy>): Promise<StoredCron>;
  history(cron?: StoredCron): Promise<StoredScheduledEvent[]>;
  scheduler(options?: Partial<SchedulerOptions>): Promise<Scheduler>;
}

/** @param own a database that the test may stop; without, one of its own on the server that tests share */
export async function testPlatform(own?: {
  readonly database: Database;
  readonly url: string;
}): Promise<TestPlatform> {
  const parts = new AsyncDisposableStack();
  const { database, url } = own ?? parts.use(await withTestDatabase());
  const nats = parts.use(await startTestNats());
  const bus = await nats.connect();
  const { id: by } = await ensureOperator(database);
  const { workerId } = await deployVersion(database, {
    worker: "hello",
    by,
    code: {
      modules: [{ name: "index.js", type: "esModule", content: Buffer.from("export default {}") }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: [],
      sourceMaps: new Map(),
    },
  });
  const reports: string[] = [];
  const add = (expression: string, policy: Partial<CronPolicy> = {}) =>
    addCron(database, { worker: "hello", expression, policy, by });
  return {
    ...{ database, url, nats, bus, by, workerId, reports, add },
    async addDue(expression, nextDue, policy) {
      const cron = await add(expression, policy);
      await database.read((queries) =>
        queries
          .updateTable("crons")
          .set({ next_due: new Date(nextDue) })
          .where("id", "=", cron.id)
          .execute(),
      );
      return cron;
    },
    history: (cron) =>
      listScheduledEvents(database, {
        worker: "hello",
        limit: 1_000,
        ...(cron === undefined ? {} : { cron: cron.id }),
      }),
    scheduler: async (options = {}) =>
      parts.use(
        await createScheduler({
          database,
          bus,
          report: (message, details) => reports.push(`${message} ${JSON.stringify(details)}`),
          ...options,
          settings: { ...testSettings, ...options.settings },
        }),
      ),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
