import type { Bus } from "@openworkers/bus";
import {
  encodePayload,
  maxEarlyMs,
  messageOf,
  type Report,
  type ScheduledEvent,
  type ScheduledEventId,
  scheduledSubject,
  streams,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import type { Clock } from "../clock.ts";
import { lateAfterMs } from "../due/plan.ts";
import type { Counters } from "../stats.ts";
import { Wake } from "../wake.ts";
import { markPublished, type PublishedMark } from "./mark.ts";
import { skipWaiting, type Waiting } from "./waiting.ts";

/** Publications that wait for the bus's answer at a time: beyond that they only wait in another place. */
const maxInFlight = 1_000;
/**
 * What a bus takes to store one more of many, generously: so many are published so much earlier, for all to be there when
 * their time comes. A few are published when it comes.
 */
const early = { eachMs: 0.4, fewerThan: 50 };
/** Rows that one statement changes: it should not hold the others up for long. */
const marksAtOnce = 500;
/** Waits after failures: doubled each time up to the last. */
const backoffMs = { first: 100, last: 2_000 };

export interface OutboxOptions {
  readonly database: Database;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly report: Report;
  /** Called when it works again after it did not. */
  readonly onRecovered: () => void;
}

/** Publishes what was claimed when its time comes, and writes that down. */
export class Outbox implements AsyncDisposable {
  readonly #options: OutboxOptions;
  readonly #waiting = new Map<ScheduledEventId, Waiting>();
  readonly #publishing = new Set<ScheduledEventId>();
  #marks: PublishedMark[] = [];
  readonly #wake = new Wake();
  readonly #stopped = new AbortController();
  readonly #loop: Promise<void>;
  #failures = 0;
  #stream: number | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  /** Bus or database did not take what is due: nothing more should be claimed until they do. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get ids(): ScheduledEventId[] {
    return [...this.#waiting.keys()];
  }

  add(items: readonly Waiting[]): void {
    for (const item of items) if (!this.#publishing.has(item.id)) this.#waiting.set(item.id, item);
    if (items.length > 0) this.#wake.now();
  }

  /** Leaves out those of `ids` that are not in `still`. */
  keep(ids: readonly ScheduledEventId[], still: ReadonlySet<ScheduledEventId>): void {
    for (const id of ids) if (!still.has(id)) this.#waiting.delete(id);
  }

  /** Publishes no more, but waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const { clock, report, onRecovered } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#flush();
        if (this.#failures > 0) onRecovered();
        this.#failures = 0;
      } catch (thrown) {
        if (this.#failures === 0)
          report("Due crons wait: they cannot be published.", { error: messageOf(thrown) });
        this.#failures += 1;
        await this.#wake.sleep(Math.min(backoffMs.first * 2 ** this.#failures, backoffMs.last), signal);
        continue;
      }
      const earlyMs = this.#earlyMs;
      let next = Number.POSITIVE_INFINITY;
      for (const item of this.#waiting.values()) next = Math.min(next, timeOf(item, earlyMs));
      await this.#wake.sleep(next - clock.now(), signal);
    }
  }

  /** @throws when some were not published, or not written down; they are kept for the next time. */
  async #flush(): Promise<void> {
    const { clock } = this.#options;
    // First: whoever takes over must see what is on the bus.
    await this.#mark();
    const now = clock.now();
    const earlyMs = this.#earlyMs;
    const due = [...this.#waiting.values()].filter((item) => timeOf(item, earlyMs) <= now);
    if (due.length === 0) return;
    due.sort((a, b) => a.publishAt - b.publishAt);
    const isLate = (item: Waiting) => item.skipLate && now - item.dueAt > lateAfterMs;
    await this.#skip(due.filter(isLate));
    this.#stream ??= await this.#streamMadeAt();
    const failure = await this.#publishAll(
      due.filter((item) => !isLate(item)),
      this.#stream,
    );
    await this.#mark();
    if (failure !== undefined) throw failure;
  }

  get #earlyMs(): number {
    const { size } = this.#waiting;
    return size < early.fewerThan ? 0 : Math.min(size * early.eachMs, maxEarlyMs);
  }

  async #streamMadeAt(): Promise<number> {
    return (await this.#options.bus.streamState(streams.scheduled.name)).createdAt;
  }

  async #skip(late: readonly Waiting[]): Promise<void> {
    if (late.length === 0) return;
    const { database, clock, counters } = this.#options;
    const ids = late.map(({ id }) => id);
    await database.write((transaction) => skipWaiting(transaction, ids, "late", clock.now()));
    for (const id of ids) this.#waiting.delete(id);
    counters.skipped += ids.length;
  }

  /** Resolves with what was wrong with the first that was not published. */
  async #publishAll(items: readonly Waiting[], stream: number): Promise<unknown> {
    let failure: unknown;
    const queue = items.values();
    const work = async () => {
      for (const item of queue) {
        if (failure !== undefined) return;
        try {
          await this.#publish(item, stream);
        } catch (thrown) {
          failure ??= thrown;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(maxInFlight, items.length) }, work));
    // It may have been made anew while the bus was away.
    if (failure !== undefined) this.#stream = undefined;
    return failure;
  }

  async #publish(item: Waiting, stream: number): Promise<void> {
    // Somebody may have paused the cron since.
    if (!this.#waiting.has(item.id)) return;
    const { bus, clock, counters } = this.#options;
    this.#publishing.add(item.id);
    try {
      const { seq, duplicate } = await publishAttempt(bus, item);
      const at = clock.now();
      this.#waiting.delete(item.id);
      this.#marks.push({
        id: item.id,
        attempt: item.attempt,
        at,
        stream,
        seq,
        again: item.isOld && !duplicate,
      });
      counters.published += 1;
      counters.lateness(Math.max(0, at - item.publishAt));
    } catch (thrown) {
      counters.publishFailures += 1;
      throw thrown;
    } finally {
      this.#publishing.delete(item.id);
    }
  }

  async #mark(): Promise<void> {
    while (this.#marks.length > 0) {
      const marks = this.#marks.slice(0, marksAtOnce);
      await markPublished(this.#options.database, marks);
      this.#marks = this.#marks.slice(marks.length);
    }
  }
}

/** When to publish: runners wait for a due time, and not for a further attempt's. */
function timeOf({ publishAt, dueAt }: Waiting, earlyMs: number): number {
  return publishAt === dueAt ? publishAt - earlyMs : publishAt;
}

/** Puts an attempt on the bus; again under the same id when it is there already. */
export async function publishAttempt(
  bus: Bus,
  item: Omit<Waiting, "publishAt" | "skipLate" | "isOld">,
): Promise<{ readonly seq: number; readonly duplicate: boolean }> {
  const event: ScheduledEvent = {
    v: 1,
    eventId: item.id,
    cronId: item.cronId,
    workerId: item.workerId,
    cron: item.cron,
    scheduledTime: item.dueAt,
    attempt: item.attempt,
    wallMs: item.wallMs,
  };
  return bus.publish(scheduledSubject(item.workerId), encodePayload(event), {
    id: `${item.id}:${item.attempt}`,
  });
}
