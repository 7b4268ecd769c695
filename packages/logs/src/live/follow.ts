import type { Bus } from "@openworkers/bus";
import { isOpenWorkersError, logSubject, OpenWorkersError, streams, type WorkerId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { type LogFilter, matchesFilter } from "../filter.ts";
import { batchPosition, comparePositions, endOf, generationOf, type Position, seqOf } from "../position.ts";
import { type Positioned, workerOfSubject } from "../records.ts";
import { readRecords } from "../store/read.ts";
import type { Workers } from "../store/scan.ts";
import type { StreamPlace } from "../stream-place.ts";
import type { BatchCache } from "./batch-cache.ts";

export interface FollowSource {
  readonly bus: Pick<Bus, "follow">;
  readonly database: Database;
  readonly place: StreamPlace;
  readonly cache: BatchCache;
}

/** Where a reader begins. */
export type Start =
  /** With what is logged from now on. */
  | { readonly kind: "now" }
  /** After what it has seen. */
  | { readonly kind: "after"; readonly position: Position }
  /** With the last so many that fit. */
  | { readonly kind: "last"; readonly count: number }
  /** With what was logged at that time, in Unix milliseconds. */
  | { readonly kind: "since"; readonly time: number };

export interface FollowRequest {
  /** The only one wanted; all who may be read without. */
  readonly workerId: WorkerId | undefined;
  /** Asked again for each batch: an owner may get another worker, or lose one. */
  readonly workers: () => Workers;
  readonly filter: LogFilter;
  readonly start: Start;
  readonly signal: AbortSignal;
}

export interface Followed {
  /** Those that fit, in order. */
  readonly records: readonly Positioned[];
  /** There is nothing before it that the reader has not been given. */
  readonly upTo: Position;
  /** It waits for nobody; what is stored does. */
  readonly live: boolean;
}

const pageSize = 1_000;
/** Pages that are looked at for the last that fit, at most: some two million records, newest first. */
const pagesBack = 10;

/**
 * What was logged and what will be, in order, without gap or duplicate, until `signal` aborts: from PostgreSQL as far as
 * the writers have acknowledged, then from the stream, so that nobody waits for PostgreSQL.
 *
 * The first is there as soon as nothing more can be missed.
 *
 * @throws OpenWorkersError BUS_UNAVAILABLE, DATABASE_UNAVAILABLE, INVALID_INPUT (a position that is in no stream)
 */
export async function* follow(source: FollowSource, request: FollowRequest): AsyncGenerator<Followed, void> {
  const { place } = source;
  const { firstSeq, lastSeq, generation } = await place.look();
  const end = batchPosition(generation, lastSeq);
  if (request.start.kind === "after" && request.start.position.batch > end) {
    throw new OpenWorkersError("INVALID_INPUT", "The position is beyond the end of the logs.", {
      field: "after",
    });
  }
  let seen: Position;
  if (request.start.kind === "now") seen = endOf(end);
  else if (request.start.kind === "last") {
    seen = endOf(await place.floor());
    yield { records: await lastOf(source, request, request.start.count, seen), upTo: seen, live: false };
  } else seen = request.start.kind === "after" ? request.start.position : { batch: 0, index: 0 };
  yield { records: [], upTo: seen, live: false };
  try {
    // What was stored while we read is read as well, or the stream might have dropped it by then.
    for (let floor = await place.floor(); seen.batch < floor; floor = await place.floor()) {
      // There are no pages for whoever has left: it would be asked for ever how far the writers are.
      if (request.signal.aborted) return;
      for await (const page of pages(source, request, seen, endOf(floor))) {
        seen = page.upTo;
        yield page;
      }
    }
  } catch (thrown) {
    const inStream = generationOf(seen.batch) === generation && seqOf(seen.batch) >= firstSeq - 1;
    if (!isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE") || !inStream) throw thrown;
  }
  yield* live(source, request, seen);
}

async function lastOf(
  { database }: FollowSource,
  { workers, filter, signal }: FollowRequest,
  count: number,
  before: Position,
): Promise<readonly Positioned[]> {
  const found: Positioned[] = [];
  const most = pagesBack + Math.ceil(count / pageSize);
  let next: Position | undefined = before;
  for (
    let pages = 0;
    next !== undefined && found.length < count && pages < most && !signal.aborted;
    pages++
  ) {
    const page: Awaited<ReturnType<typeof readRecords>> = await readRecords(database, {
      workers: workers(),
      filter,
      before: next,
      order: "newest-first",
      limit: Math.min(pageSize, count - found.length),
    });
    found.push(...page.records);
    next = page.next;
  }
  return found.reverse();
}

async function* pages(
  { database }: FollowSource,
  { workers, filter, start, signal }: FollowRequest,
  after: Position,
  before: Position,
): AsyncGenerator<Followed, void> {
  let next: Position | undefined = after;
  while (next !== undefined && !signal.aborted) {
    const page: Awaited<ReturnType<typeof readRecords>> = await readRecords(database, {
      workers: workers(),
      filter,
      after: next,
      before,
      ...(start.kind === "since" ? { from: start.time } : {}),
      order: "oldest-first",
      limit: pageSize,
    });
    next = page.next;
    yield { records: page.records, upTo: next ?? before, live: false };
  }
}

async function* live(
  { bus, cache }: FollowSource,
  { workerId, workers, filter, signal }: FollowRequest,
  seen: Position,
): AsyncGenerator<Followed, void> {
  const generation = generationOf(seen.batch);
  const stream = bus.follow({
    stream: streams.logs.name,
    // One worker's reader is not held up by what others log.
    subject: workerId === undefined ? streams.logs.subject : logSubject(workerId),
    // The batch itself again, for those of its records that were not seen yet.
    after: Math.max(0, seqOf(seen.batch) - 1),
    signal,
  });
  for await (const message of stream) {
    const upTo = endOf(batchPosition(generation, message.seq));
    if (comparePositions(upTo, seen) <= 0) continue;
    const allowed = workers();
    const worker = workerOfSubject(message.subject);
    const readable = worker !== undefined && (allowed === "all" || allowed.includes(worker));
    const records = readable
      ? cache
          .read(message, generation)
          .filter(
            ({ position, record }) => comparePositions(position, seen) > 0 && matchesFilter(filter, record),
          )
      : [];
    yield { records, upTo, live: true };
  }
}
