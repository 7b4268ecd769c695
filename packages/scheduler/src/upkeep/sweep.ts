import type { Bus } from "@openworkers/bus";
import {
  type CronId,
  type ScheduledEventId,
  scheduledConsumer,
  scheduledResultsConsumer,
  streams,
  type WorkerId,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import { markPublished } from "../publish/mark.ts";
import { publishAttempt } from "../publish/outbox.ts";
import type { Counters } from "../stats.ts";

/** Attempts that are published again in one go. */
const atOnce = 500;

/** What the bus had done with at one moment. */
interface Seen {
  /** The stream of events, by when it was made. */
  readonly stream: number;
  /** Events at or below this position had been acknowledged, or were gone. */
  readonly floor: number;
  /** The stream of results, and the last of them: all those of the events above are at or below it. */
  readonly results: number;
  readonly lastResult: number;
}

export interface SweepOptions {
  readonly database: Database;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly counters: Counters;
}

/**
 * Finds attempts that were published and are lost: no longer on the bus, and without a result although all results that
 * were sent by then are written. They are published again under the same id; what the bus refuses as a duplicate is tried
 * again at each sweep, until it has forgotten the id.
 */
export class Sweeper {
  readonly #options: SweepOptions;
  #seen: Seen | undefined;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** @throws OpenWorkersError BUS_UNAVAILABLE, DATABASE_UNAVAILABLE */
  async sweep(): Promise<void> {
    const { bus } = this.#options;
    const seen = this.#seen;
    const written = await bus.consumerState(streams.scheduledResults.name, scheduledResultsConsumer);
    this.#seen = await look(bus);
    if (seen === undefined || written === undefined) return;
    // Another stream: what this one held is gone, and so is what its results were.
    const isSame = seen.results === this.#seen.results;
    if (!isSame || written.floor < seen.lastResult) return;
    await this.#publishLost(
      seen.stream === this.#seen.stream ? seen : { ...seen, stream: this.#seen.stream, floor: 0 },
    );
  }

  async #publishLost({ stream, floor }: Seen): Promise<void> {
    const { database, bus, clock, counters } = this.#options;
    const lost = await findLost(database, stream, floor);
    for (const { isStream, ...attempt } of lost) {
      const { seq, duplicate } = await publishAttempt(bus, attempt);
      const mark = {
        id: attempt.id,
        attempt: attempt.attempt,
        at: clock.now(),
        stream,
        seq,
        again: !duplicate,
      };
      if (duplicate && isStream) continue;
      await markPublished(database, [mark]);
      counters.republished += 1;
    }
  }
}

/** The positions before the results: a result is sent before its event is acknowledged. */
async function look(bus: Bus): Promise<Seen> {
  const events = await bus.streamState(streams.scheduled.name);
  const runners = await bus.consumerState(streams.scheduled.name, scheduledConsumer);
  const results = await bus.streamState(streams.scheduledResults.name);
  return {
    stream: events.createdAt,
    floor: Math.max(runners?.floor ?? 0, events.firstSeq - 1),
    results: results.createdAt,
    lastResult: results.lastSeq,
  };
}

interface Lost {
  readonly id: ScheduledEventId;
  readonly cronId: CronId;
  readonly workerId: WorkerId;
  readonly cron: string;
  readonly dueAt: number;
  readonly attempt: number;
  readonly wallMs: number;
  /** It was in the stream that is there now. */
  readonly isStream: boolean;
}

async function findLost(database: Database, stream: number, floor: number): Promise<Lost[]> {
  const { rows } = await database.read((queries) =>
    sql<Omit<Lost, "dueAt"> & { readonly dueAt: Date }>`
      select id, cron_id as "cronId", worker_id as "workerId", cron, due_at as "dueAt", attempt, wall_ms as "wallMs",
        bus_stream = ${stream} as "isStream"
      from scheduled_events
      where state = 'published' and cron_id is not null
        and (bus_stream <> ${stream} or (bus_stream = ${stream} and bus_seq <= ${floor}))
      order by id limit ${atOnce}
    `.execute(queries),
  );
  return rows.map((row) => ({ ...row, dueAt: row.dueAt.getTime() }));
}
