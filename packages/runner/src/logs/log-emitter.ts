import type { Bus } from "@openworkers/bus";
import {
  BoundedReports,
  isOpenWorkersError,
  type LogRecord,
  type LogSink,
  logSubject,
  type Report,
  streams,
  type WorkerId,
} from "@openworkers/core";
import { type EncodedBatch, sizeOf } from "./batch.ts";
import { Lane } from "./lane.ts";

export interface LogEmitterOptions {
  readonly bus: Pick<Bus, "declare" | "publish">;
  /** Bytes kept while the bus takes nothing. Default 64 MiB. */
  readonly bufferBytes?: number;
  /** How long a line waits for others at most. Default 50 ms. */
  readonly waitMs?: number;
  /** What an operator should read. Never throws. */
  readonly report: Report;
}

export interface LogEmitterStats {
  readonly bufferedBytes: number;
  readonly published: number;
  readonly droppedLines: number;
  readonly droppedInvocations: number;
  /** Publications that failed, and were repeated. */
  readonly failures: number;
  /** The bus takes nothing at the moment. */
  readonly away: boolean;
}

/** Messages under way at a time, each of another worker: 4 MiB at most, some milliseconds of a connection. */
const slots = 16;

const publishTimeoutMs = 10_000;
/** A line is what somebody waits for who looks at a log; a record of a request may take its time, and cost less. */
const invocationWait = 3;
const pauseMs = { first: 100, longest: 2_000 } as const;
const disposeMs = 5_000;

/**
 * A worker may keep up to so many times what is still free of the buffer, as switches share theirs (Choudhury and
 * Hahne, "Dynamic queue length thresholds", 1998): one alone gets two thirds of it, two get two fifths each, and there
 * is always room left for who logs little. Invocations may go on where lines may not.
 */
const share = { line: 2, invocation: 8 } as const;

/**
 * Sends records over the bus, in batches of one worker each, whose order is kept. While the bus is away they are kept,
 * as far as the buffer goes; beyond, the newest are dropped, and the worker's log says how many.
 */
export class LogEmitter implements LogSink, AsyncDisposable {
  readonly #bus: LogEmitterOptions["bus"];
  readonly #reports: BoundedReports;
  readonly #bufferBytes: number;
  readonly #waitMs: number;
  readonly #lanes = new Map<WorkerId, Lane>();
  /** Those whose turn it is next. */
  #ready: Lane[] = [];
  /** Those whose open records wait for others. */
  #waiting = new Set<Lane>();
  /** Those whose log has yet to say what was dropped. */
  readonly #owing = new Set<Lane>();
  #bytes = 0;
  #sending = 0;
  #declared: Promise<void> | undefined;
  #away = false;
  #pause = 0;
  #waitTimer: ReturnType<typeof setTimeout> | undefined;
  /** The timer is one for lines. */
  #soon = false;
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #flushes = new Set<() => void>();
  /** Refused once by the bus. */
  readonly #refused = new WeakSet<EncodedBatch>();
  #disposed = false;
  #published = 0;
  #droppedLines = 0;
  #droppedInvocations = 0;
  #failures = 0;

  constructor(options: LogEmitterOptions) {
    this.#bus = options.bus;
    this.#reports = new BoundedReports(options.report);
    this.#bufferBytes = options.bufferBytes ?? 64 * 2 ** 20;
    this.#waitMs = options.waitMs ?? 50;
  }

  emit(record: LogRecord): void {
    if (this.#disposed) return;
    const lane = this.#laneOf(record.workerId);
    const bytes = sizeOf(record);
    if (lane.bytes + bytes > share[record.kind] * (this.#bufferBytes - this.#bytes)) this.#drop(lane, record);
    else {
      // Where records are missing, but not between two of the invocations that still pass.
      if (lane.owesWord && record.kind === "line") this.#sayDropped(lane);
      this.#push(lane, record, bytes);
    }
  }

  stats(): LogEmitterStats {
    return {
      bufferedBytes: this.#bytes,
      published: this.#published,
      droppedLines: this.#droppedLines,
      droppedInvocations: this.#droppedInvocations,
      failures: this.#failures,
      away: this.#away,
    };
  }

  /**
   * Sends what there is without waiting for more. Resolves once all of it is stored, or when `signal` aborts: to the
   * number of records that are not.
   */
  async flush(signal: AbortSignal): Promise<number> {
    if (this.#lanes.size > 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#flushes.add(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      this.#sendOpen();
      await promise;
      this.#flushes.delete(resolve);
    }
    let left = 0;
    for (const lane of this.#lanes.values()) left += lane.records;
    return left;
  }

  /** Sends what there is, within five seconds, and then takes no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    const lost = await this.flush(AbortSignal.timeout(disposeMs));
    this.#disposed = true;
    clearTimeout(this.#waitTimer);
    clearTimeout(this.#pauseTimer);
    if (lost > 0) this.#reports.report("Log records were lost: the bus did not take them in time.", { lost });
    this.#reports[Symbol.dispose]();
  }

  #laneOf(workerId: WorkerId): Lane {
    let lane = this.#lanes.get(workerId);
    if (lane === undefined) {
      lane = new Lane(workerId);
      this.#lanes.set(workerId, lane);
    }
    return lane;
  }

  #push(lane: Lane, record: LogRecord, bytes: number): void {
    const before = lane.bytes;
    lane.push(record, bytes);
    this.#bytes += lane.bytes - before;
    if (!lane.busy) this.#schedule(lane);
  }

  /** Sends what the lane has, now or in a moment: soon when a line is among it. */
  #schedule(lane: Lane): void {
    if (lane.full || this.#flushes.size > 0) {
      this.#waiting.delete(lane);
      this.#enqueue(lane);
      this.#pump();
      return;
    }
    this.#waiting.add(lane);
    if (this.#disposed) return;
    if (this.#waitTimer !== undefined && (this.#soon || !lane.hasLines)) return;
    clearTimeout(this.#waitTimer);
    this.#soon = lane.hasLines;
    const waitMs = this.#soon ? this.#waitMs : invocationWait * this.#waitMs;
    this.#waitTimer = setTimeout(() => this.#sendOpen(), waitMs);
  }

  #drop(lane: Lane, record: LogRecord): void {
    lane.drop(record);
    this.#owing.add(lane);
    if (record.kind === "line") this.#droppedLines += 1;
    else this.#droppedInvocations += 1;
  }

  #sayDropped(lane: Lane): void {
    this.#owing.delete(lane);
    const word = lane.takeWord();
    if (word !== undefined) this.#push(lane, word, sizeOf(word));
  }

  #sendOpen(): void {
    clearTimeout(this.#waitTimer);
    this.#waitTimer = undefined;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const lane of waiting) this.#enqueue(lane);
    this.#pump();
  }

  #enqueue(lane: Lane): void {
    lane.busy = true;
    this.#ready.push(lane);
  }

  #pump(): void {
    if (this.#pauseTimer !== undefined || this.#disposed) return;
    // Whether the bus is back is for one message to find out.
    const free = (this.#away ? 1 : slots) - this.#sending;
    if (free <= 0) return;
    for (const lane of this.#ready.splice(0, free)) {
      this.#sending += 1;
      this.#send(lane).then(
        () => this.#sent(lane),
        (thrown: unknown) => this.#failed(lane, thrown),
      );
    }
  }

  async #send(lane: Lane): Promise<void> {
    await this.#declare();
    const before = lane.bytes;
    const batch = lane.first();
    this.#bytes += lane.bytes - before;
    if (batch === undefined) return;
    const { id, payload, lines, invocations } = batch;
    try {
      await this.#bus.publish(logSubject(lane.workerId), payload, { id, timeoutMs: publishTimeoutMs });
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "INVALID_INPUT")) throw thrown;
      this.#judgeRefusal(lane, batch, thrown);
      return;
    }
    lane.shift();
    this.#bytes -= payload.length;
    this.#published += lines + invocations;
  }

  /** Once for all who send. */
  async #declare(): Promise<void> {
    this.#declared ??= this.#bus.declare(streams.logs);
    try {
      await this.#declared;
    } catch (thrown) {
      this.#declared = undefined;
      throw thrown;
    }
  }

  /** The stream may have been removed, and is declared anew; what is refused then would be refused for ever. */
  #judgeRefusal(lane: Lane, batch: EncodedBatch, error: unknown): void {
    this.#declared = undefined;
    if (!this.#refused.has(batch)) {
      this.#refused.add(batch);
      throw error;
    }
    lane.dropFirst();
    this.#owing.add(lane);
    this.#bytes -= batch.payload.length;
    this.#droppedLines += batch.lines;
    this.#droppedInvocations += batch.invocations;
    this.#reports.report("The bus refused log records; they are dropped.", { error });
  }

  #sent(lane: Lane): void {
    this.#sending -= 1;
    this.#pause = 0;
    if (this.#away) {
      this.#away = false;
      const { droppedLines, droppedInvocations } = this.stats();
      this.#reports.report("The bus takes log records again.", { droppedLines, droppedInvocations });
    }
    lane.busy = false;
    if (lane.empty && lane.owesWord) this.#sayDropped(lane);
    else if (lane.empty) this.#forget(lane);
    else this.#schedule(lane);
    // Those that have records say so with their next line, or after their last.
    for (const owing of this.#owing) if (owing.empty) this.#sayDropped(owing);
    this.#pump();
  }

  #forget(lane: Lane): void {
    this.#lanes.delete(lane.workerId);
    if (this.#lanes.size === 0) for (const resolve of this.#flushes) resolve();
  }

  #failed(lane: Lane, error: unknown): void {
    this.#sending -= 1;
    this.#failures += 1;
    this.#ready.push(lane);
    if (this.#disposed) return;
    if (!this.#away) this.#reports.report("The bus takes no log records; they are kept.", { error });
    this.#away = true;
    if (this.#pauseTimer !== undefined) return;
    this.#pause = Math.min(pauseMs.longest, Math.max(pauseMs.first, this.#pause * 2));
    this.#pauseTimer = setTimeout(() => {
      this.#pauseTimer = undefined;
      this.#pump();
    }, this.#pause);
  }
}
