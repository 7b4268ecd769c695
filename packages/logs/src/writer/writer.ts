import type { Message } from "@openworkers/bus";
import {
  decodeLogBatch,
  isOpenWorkersError,
  type LogBatch,
  messageOf,
  OpenWorkersError,
  type Report,
  type WorkerId,
  within,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import type { LogsMetrics } from "../metrics.ts";
import { batchPosition } from "../position.ts";
import { positioned, workerOfSubject } from "../records.ts";
import { dayOf, oldestKept } from "../store/days.ts";
import type { KeptDays, Partitions } from "../store/partitions.ts";
import { daysOf, type StorableBatch, storeBatches } from "../store/store-batches.ts";
import type { StreamPlace } from "../stream-place.ts";
import { FairQueue } from "./fair-queue.ts";
import { acceptable, isRefusal } from "./refusals.ts";

export interface WriterOptions {
  readonly database: Database;
  readonly partitions: Partitions;
  readonly place: StreamPlace;
  readonly kept: KeptDays;
  readonly metrics: LogsMetrics;
  readonly report: Report;
}

/** Of one transaction: 5,000 records take some 100 ms, and twice as many take as long for each. */
const most = { records: 5_000, bytes: 8 * 2 ** 20 } as const;
/**
 * How long the first waits for others, unless there are enough before. Nobody waits for it: live lines come from the bus. A
 * transaction of a few records costs nearly what one of a thousand does, on the machine that serves requests, too.
 */
const lingerMs = 250;
/** Batches that are enough for one: the bus hands out no more than twice as many at a time. */
const enoughBatches = 128;
const pauseMs = { first: 100, longest: 2_000 } as const;

interface Entry {
  readonly message: Message;
  readonly workerId: WorkerId;
  readonly batch: LogBatch;
  readonly stored: PromiseWithResolvers<void>;
}

/** Stores batches of the bus in PostgreSQL, many in one transaction, in turns of their workers. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #queue = new FairQueue<Entry>();
  readonly #held = new Set<Entry>();
  readonly #stopped = new AbortController();
  #records = 0;
  #healthy = true;
  #draining = false;
  #ended = false;
  #wake: (() => void) | undefined;
  #enough: (() => void) | undefined;
  #loop: Promise<void>;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  /** Whether the last transaction was committed. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** Batches that wait or are being stored. */
  get held(): number {
    return this.#held.size;
  }

  /**
   * Resolves once the message's records are committed; it may be acknowledged then. What can never be stored is dropped,
   * with a word to the operator. Rejects only when the writer is stopped before.
   */
  async write(message: Message): Promise<void> {
    const entry = this.#read(message);
    if (entry === undefined) return;
    if (this.#ended) throw stopped();
    this.#held.add(entry);
    this.#queue.push(entry.workerId, entry);
    this.#records += entry.batch.records.length;
    this.#wake?.();
    if (this.#isEnough) this.#enough?.();
    try {
      await entry.stored.promise;
    } finally {
      this.#held.delete(entry);
    }
  }

  /** Tells the bus that what is held is still being worked on. */
  working(): void {
    for (const { message } of this.#held) message.working();
  }

  get #isEnough(): boolean {
    return this.#draining || this.#records >= most.records || this.#queue.size >= enoughBatches;
  }

  /** Until there is enough for a transaction, or the first has waited for long enough. */
  async #gathered(): Promise<void> {
    if (this.#isEnough) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#enough = resolve;
    const timer = setTimeout(resolve, lingerMs);
    await promise;
    clearTimeout(timer);
    this.#enough = undefined;
  }

  /** Stores what is there, for `ms` at most, then refuses what is left: the bus delivers it again. */
  async stop(ms: number): Promise<void> {
    this.#draining = true;
    this.#wake?.();
    this.#enough?.();
    await within(this.#loop, ms);
    this.#stopped.abort();
    this.#wake?.();
    await this.#loop;
  }

  #read(message: Message): Entry | undefined {
    const { metrics, report } = this.#options;
    const workerId = workerOfSubject(message.subject);
    try {
      if (workerId === undefined) throw new OpenWorkersError("INVALID_INPUT", "Its subject names no worker.");
      const batch = decodeLogBatch(message.payload);
      return { message, workerId, batch, stored: Promise.withResolvers() };
    } catch (thrown) {
      message.drop();
      metrics.unreadable.add();
      report("A batch of log records cannot be read; it is dropped.", {
        subject: message.subject,
        seq: message.seq,
        error: messageOf(thrown),
      });
      return undefined;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      if (this.#queue.size === 0) {
        if (this.#draining) break;
        await this.#woken();
        continue;
      }
      await this.#gathered();
      await this.#store(this.#draught());
    }
    this.#refuse(this.#queue.take(() => false));
    this.#ended = true;
  }

  #draught(): Entry[] {
    let records = 0;
    let bytes = 0;
    const entries = this.#queue.take(({ batch, message }) => {
      records += batch.records.length;
      bytes += message.payload.length;
      return records >= most.records || bytes >= most.bytes;
    });
    this.#records -= records;
    return entries;
  }

  /** Until it is stored, or the writer is stopped. */
  async #store(entries: readonly Entry[]): Promise<void> {
    const { metrics, report } = this.#options;
    const { signal } = this.#stopped;
    let pause: number = pauseMs.first;
    let told = false;
    while (!signal.aborted) {
      try {
        const began = performance.now();
        const records = await this.#storeAll(await this.#storable(entries));
        metrics.batches.add(entries.length);
        metrics.records.add(records);
        metrics.writes.observe((performance.now() - began) / 1_000);
        this.#healthy = true;
        if (told) report("Log records are stored again.", {});
        for (const { stored } of entries) stored.resolve();
        return;
      } catch (thrown) {
        metrics.failures.add();
        this.#healthy = false;
        if (!told) report("Log records cannot be stored now; they wait.", { error: messageOf(thrown) });
        told = true;
        // Somebody may have dropped what we think is there.
        if (!isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) this.#options.partitions.forget();
      }
      await pauseFor(pause, signal);
      pause = Math.min(pause * 2, pauseMs.longest);
    }
    this.#refuse(entries);
  }

  /** What is to be stored of the batches: with positions, and without what is too old to be kept. */
  async #storable(entries: readonly Entry[]): Promise<StorableBatch[]> {
    const { place, kept, metrics } = this.#options;
    const current = await place.look();
    const oldest = oldestKept(Date.now(), kept.records);
    const batches: StorableBatch[] = [];
    for (const { message, workerId, batch } of entries) {
      const generation = await place.generationAt(message.time, current);
      const records = positioned(batch, {
        batch: batchPosition(generation, message.seq),
        workerId,
        storedAt: message.time,
      });
      const young = records.filter(({ record }) => dayOf(record.time) >= oldest);
      metrics.dropped.of("foreign").add(batch.records.length - records.length);
      metrics.dropped.of("old").add(records.length - young.length);
      batches.push({ batchId: batch.batchId, storedAt: message.time, records: young });
    }
    return batches;
  }

  /** Returns how many records were stored. */
  async #storeAll(batches: readonly StorableBatch[]): Promise<number> {
    const { database, partitions } = this.#options;
    await partitions.ensure(daysOf(batches));
    try {
      return await storeBatches(database, batches);
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
    }
    partitions.forget();
    await partitions.ensure(daysOf(batches));
    let records = 0;
    for (const batch of batches) records += await this.#storeWhatPasses(batch);
    return records;
  }

  async #storeWhatPasses(batch: StorableBatch): Promise<number> {
    const { database, metrics, report } = this.#options;
    const records = await acceptable(database, batch);
    const dropped = batch.records.length - records.length;
    if (dropped > 0) {
      metrics.dropped.of("refused").add(dropped);
      const worker = batch.records[0]?.record.worker ?? "";
      report("PostgreSQL refused log records; they are dropped.", { worker, dropped, batch: batch.batchId });
    }
    return storeBatches(database, [{ ...batch, records }]);
  }

  #refuse(entries: readonly Entry[]): void {
    for (const { stored } of entries) stored.reject(stopped());
  }

  async #woken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }
}

function stopped(): OpenWorkersError {
  return new OpenWorkersError("OVERLOADED", "The logs service stops.");
}

async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = () => resolve();
  signal.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
