import type { LogRecord, LogSink } from "@openworkers/core";
import { type LogFilter, matchesFilter } from "./filter.ts";

/** What one slow reader may keep in memory before it is let go. */
const queueRecords = 2_000;
const queueBytes = 4 * 2 ** 20;

export type EndReason = "slow" | "stopped";

export interface Subscription extends Disposable {
  /** The next record as JSON, waiting for it; the reason when the subscription has ended. */
  next(): Promise<{ readonly json: string } | { readonly ended: EndReason }>;
}

/**
 * Hands each record to everybody who reads now, and keeps none: live logs, not stored ones. A reader that does
 * not keep up is let go, so that neither memory nor the other readers pay for it.
 */
export class LogFanOut implements LogSink, Disposable {
  readonly #readers = new Set<Reader>();

  emit(record: LogRecord): void {
    if (this.#readers.size === 0) return;
    let json: string | undefined;
    for (const reader of this.#readers) {
      if (!matchesFilter(reader.filter, record)) continue;
      json ??= JSON.stringify(record);
      if (!reader.push(json)) this.#readers.delete(reader);
    }
  }

  subscribe(filter: LogFilter): Subscription {
    const reader = new Reader(filter, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }

  /** How many read now. */
  get readers(): number {
    return this.#readers.size;
  }

  [Symbol.dispose](): void {
    for (const reader of this.#readers) reader.end("stopped");
    this.#readers.clear();
  }
}

class Reader implements Subscription {
  readonly filter: LogFilter;
  readonly #leave: () => void;
  #queue: string[] = [];
  #queuedBytes = 0;
  #ended: EndReason | undefined;
  #wake: (() => void) | undefined;

  constructor(filter: LogFilter, leave: () => void) {
    this.filter = filter;
    this.#leave = leave;
  }

  /** Whether the reader still keeps up. */
  push(json: string): boolean {
    if (this.#queue.length >= queueRecords || this.#queuedBytes + json.length > queueBytes) {
      this.end("slow");
      return false;
    }
    this.#queue.push(json);
    this.#queuedBytes += json.length;
    this.#wake?.();
    return true;
  }

  end(reason: EndReason): void {
    this.#ended ??= reason;
    this.#wake?.();
  }

  async next() {
    for (;;) {
      const json = this.#queue.shift();
      if (json !== undefined) {
        this.#queuedBytes -= json.length;
        return { json };
      }
      if (this.#ended !== undefined) return { ended: this.#ended };
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  [Symbol.dispose](): void {
    this.#leave();
    this.end("stopped");
  }
}
