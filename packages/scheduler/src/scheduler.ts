import type { Bus } from "@openworkers/bus";
import {
  messageOf,
  notificationChannel,
  parseNotification,
  type Report,
  scheduledResultsConsumer,
  streams,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { type Clock, DatabaseClock } from "./clock.ts";
import { claimDue } from "./due/claim.ts";
import { nextWake } from "./due/next-wake.ts";
import { Schedules } from "./due/schedules.ts";
import { Outbox } from "./publish/outbox.ts";
import { adoptWaiting, giveBack, stillWaiting } from "./publish/waiting.ts";
import { ResultWriter } from "./results/writer.ts";
import { defaultSettings, type SchedulerSettings } from "./settings.ts";
import { Counters, type SchedulerStats } from "./stats.ts";
import { Periodic } from "./upkeep/periodic.ts";
import { trimHistory } from "./upkeep/retention.ts";
import { trimSignIn } from "./upkeep/sign-in.ts";
import { Sweeper } from "./upkeep/sweep.ts";
import { Wake } from "./wake.ts";

export interface SchedulerOptions {
  /** The platform's database, migrated. */
  readonly database: Database;
  readonly bus: Bus;
  readonly settings?: Partial<SchedulerSettings>;
  readonly report: Report;
  /** PostgreSQL's unless given. */
  readonly clock?: Clock;
}

/** Makes events of due crons, publishes them, and keeps their history, until it is disposed of. */
export interface Scheduler extends AsyncDisposable {
  stats(): SchedulerStats;
}

/** The shortest sleep, however much is due: others work on it, or the clock is between two milliseconds. */
const shortestMs = 10;
/** Wait after the database has failed. */
const failedMs = 500;
/** What its owner should have published longer ago than this may have a result that is not written yet. */
const longLapsedMs = 60_000;

/**
 * Starts a scheduler. Any number of them work on one database and one bus: each due time becomes one event, and each
 * attempt of an event has one id on the bus. It goes on by itself after failures of either.
 *
 * @throws OpenWorkersError DATABASE_UNAVAILABLE, BUS_UNAVAILABLE when they cannot be reached at the start
 */
export async function createScheduler(options: SchedulerOptions): Promise<Scheduler> {
  const clock = options.clock ?? (await DatabaseClock.open(options.database));
  await options.bus.declare(streams.scheduled);
  await options.bus.declare(streams.scheduledResults);
  const scheduler = new RunningScheduler(options, clock);
  try {
    await scheduler.start();
  } catch (thrown) {
    await scheduler[Symbol.asyncDispose]();
    throw thrown;
  }
  return scheduler;
}

class RunningScheduler implements Scheduler {
  readonly #database: Database;
  readonly #bus: Bus;
  readonly #report: Report;
  readonly #clock: Clock;
  readonly #settings: SchedulerSettings;
  /** Whose claims are whose; of no meaning once the process is gone. */
  readonly #owner = crypto.randomUUID();
  readonly #schedules = new Schedules();
  readonly #counters = new Counters();
  readonly #wake = new Wake();
  readonly #stopped = new AbortController();
  readonly #outbox: Outbox;
  readonly #parts = new AsyncDisposableStack();
  #loop: Promise<void> = Promise.resolve();
  #changed = false;
  #failing = false;

  constructor({ database, bus, report, settings }: SchedulerOptions, clock: Clock) {
    this.#database = database;
    this.#bus = bus;
    this.#report = report;
    this.#clock = clock;
    this.#settings = { ...defaultSettings, ...settings };
    const shared = { database, bus, clock, report, counters: this.#counters };
    this.#outbox = this.#parts.use(new Outbox({ ...shared, onRecovered: () => this.#wake.now() }));
  }

  async start(): Promise<void> {
    const shared = {
      database: this.#database,
      bus: this.#bus,
      clock: this.#clock,
      report: this.#report,
      counters: this.#counters,
    };
    const parts = this.#parts;
    const { sweepMs, retentionMs } = this.#settings;
    const heard = () => {
      this.#changed = true;
      this.#wake.now();
    };
    parts.use(
      await this.#database.listen(notificationChannel, {
        onPayload: (payload) => {
          const notification = parseNotification(payload);
          if (notification === undefined || notification.table === "crons") heard();
        },
        onReconnect: heard,
      }),
    );
    const writer = new ResultWriter({ ...shared, onRetries: () => this.#wake.now() });
    parts.use(
      await this.#bus.consume(
        {
          stream: streams.scheduledResults.name,
          name: scheduledResultsConsumer,
          subject: streams.scheduledResults.subject,
          inFlight: 1_000,
          maxUnacknowledged: 10_000,
          ackWaitMs: 10_000,
          backoffMs: [500, 1_000, 2_000, 5_000],
        },
        (message) => writer.handle(message),
      ),
    );
    const sweeper = new Sweeper(shared);
    parts.use(new Periodic(sweepMs, "Lost crons were not looked for.", () => sweeper.sweep(), this.#report));
    const trim = async () => {
      await trimHistory(this.#database, this.#settings, this.#clock.now());
      await trimSignIn(this.#database);
    };
    parts.use(new Periodic(retentionMs, "Old history was not deleted.", trim, this.#report));
    this.#loop = this.#run();
  }

  stats(): SchedulerStats {
    return this.#counters.stats(this.#outbox.size);
  }

  /** Ends claiming and waits for what is being published; another scheduler may go on with the rest at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    await this.#parts[Symbol.asyncDispose]();
    try {
      await giveBack(this.#database, this.#owner);
    } catch (thrown) {
      this.#report("Another scheduler has to wait for what this one held.", { error: messageOf(thrown) });
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      let waitMs = failedMs;
      try {
        waitMs = await this.#turn(signal);
        this.#failing = false;
      } catch (thrown) {
        if (!this.#failing) this.#report("Crons are not looked at.", { error: messageOf(thrown) });
        this.#failing = true;
      }
      await this.#wake.sleep(waitMs, signal);
    }
  }

  /** Claims what is due or nearly; resolves with how long there is nothing to do. */
  async #turn(signal: AbortSignal): Promise<number> {
    const { heartbeatMs, lookaheadMs } = this.#settings;
    await this.#clock.sync();
    if (this.#changed) await this.#forget();
    // What cannot be published is not claimed: policies decide about it when it can be again.
    if (this.#outbox.failing) return heartbeatMs;
    while (!signal.aborted && !this.#outbox.failing && (await this.#claim()));
    while (!signal.aborted && !this.#outbox.failing && (await this.#adopt()));
    const notBefore = this.#clock.now() - longLapsedMs;
    const wake = await nextWake(this.#database, { lookaheadMs, notBefore });
    const waitMs = wake === undefined ? heartbeatMs : wake - this.#clock.now();
    return Math.min(Math.max(waitMs, shortestMs), heartbeatMs);
  }

  /** Whether there may be more. */
  async #claim(): Promise<boolean> {
    const { lookaheadMs, takeoverMs, batch } = this.#settings;
    const now = this.#clock.now();
    const claimed = await claimDue(this.#database, this.#schedules, {
      owner: this.#owner,
      now,
      horizon: now + lookaheadMs,
      takeoverMs,
      limit: batch,
    });
    this.#outbox.add(claimed.waiting);
    this.#counters.claimed += claimed.waiting.length;
    this.#counters.skipped += claimed.skipped;
    this.#counters.missed += claimed.missed;
    for (const rested of claimed.rested) this.#report("A cron is put to rest.", rested);
    return claimed.crons === batch;
  }

  async #adopt(): Promise<boolean> {
    const { lookaheadMs, takeoverMs, batch } = this.#settings;
    const now = this.#clock.now();
    const adopted = await adoptWaiting(this.#database, {
      owner: this.#owner,
      now,
      horizon: now + lookaheadMs,
      takeoverMs,
      limit: batch,
      notBefore: (await this.#resultsAreWritten()) ? 0 : now - longLapsedMs,
      oldBefore: now - streams.scheduled.dedupeMs,
    });
    this.#outbox.add(adopted);
    this.#counters.adopted += adopted.length;
    return adopted.length === batch;
  }

  async #resultsAreWritten(): Promise<boolean> {
    const state = await this.#bus.consumerState(streams.scheduledResults.name, scheduledResultsConsumer);
    return state !== undefined && state.pending === 0 && state.unacknowledged === 0;
  }

  /** Lets go of what somebody paused or removed. */
  async #forget(): Promise<void> {
    this.#changed = false;
    const { ids } = this.#outbox;
    if (ids.length > 0) this.#outbox.keep(ids, await stillWaiting(this.#database, ids));
  }
}
