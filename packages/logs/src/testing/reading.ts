import type { LogRecord } from "@openworkers/core";
import { type FollowLogsOptions, followLogs } from "../client/follow-logs.ts";

/** A reader of a stream of logs that keeps what it got. */
export class TestReader implements AsyncDisposable {
  readonly records: LogRecord[] = [];
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  #wake: (() => void)[] = [];

  private constructor(options: Omit<FollowLogsOptions, "signal">, connected: () => void) {
    this.#reading = this.#read({ ...options, signal: this.#stop.signal, onConnected: connected });
  }

  /** Resolves when nothing more can be missed. */
  static async start(options: Omit<FollowLogsOptions, "signal">): Promise<TestReader> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const reader = new TestReader(options, resolve);
    await Promise.race([promise, reader.ended]);
    return reader;
  }

  /** Resolves when the stream has ended, and rejects with what ended it. */
  get ended(): Promise<void> {
    return this.#reading;
  }

  get messages(): string[] {
    return this.records.map((record) => (record.kind === "line" ? record.message : record.path));
  }

  /** Resolves when it has got so many; rejects when the stream ends before. */
  async until(count: number): Promise<void> {
    while (this.records.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake.push(resolve);
      await Promise.race([promise, this.#reading]);
    }
  }

  async #read(options: FollowLogsOptions): Promise<void> {
    for await (const record of followLogs(options)) {
      this.records.push(record);
      for (const wake of this.#wake.splice(0)) wake();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    // How it ended is told by `ended`, to who asked.
    await this.#reading.catch(() => {});
  }
}
