import type { Message } from "@openworkers/bus";
import {
  decodePayload,
  isFromLaterRelease,
  messageOf,
  type Report,
  type ScheduledResult,
  scheduledResultSchema,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import type { Clock } from "../clock.ts";
import type { Counters } from "../stats.ts";
import { writeResults } from "./write.ts";

/** Results that one transaction takes. */
const atOnce = 500;

interface Waiting {
  readonly result: ScheduledResult;
  readonly done: PromiseWithResolvers<void>;
}

export interface ResultWriterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly report: Report;
  /** Called when further attempts wait. */
  readonly onRetries: () => void;
}

/** Writes the results that come from the bus, those that come while others are written in one transaction. */
export class ResultWriter {
  readonly #options: ResultWriterOptions;
  #waiting: Waiting[] = [];
  #writing = false;
  #failing = false;

  constructor(options: ResultWriterOptions) {
    this.#options = options;
  }

  /** Resolves once the result is stored. @throws OpenWorkersError DATABASE_UNAVAILABLE: it is to be delivered again */
  async handle(message: Message): Promise<void> {
    let result: ScheduledResult;
    try {
      result = decodePayload(scheduledResultSchema, message.payload);
    } catch (thrown) {
      this.#options.report("A cron's result cannot be read.", {
        subject: message.subject,
        error: messageOf(thrown),
      });
      if (isFromLaterRelease(message.payload)) message.retry();
      else message.drop();
      return;
    }
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ result, done });
    void this.#write();
    await done.promise;
  }

  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, atOnce);
      try {
        await this.#store(batch.map(({ result }) => result));
        this.#failing = false;
        for (const { done } of batch) done.resolve();
      } catch (thrown) {
        if (!this.#failing)
          this.#options.report("Results of crons are not stored.", { error: messageOf(thrown) });
        this.#failing = true;
        for (const { done } of batch) done.reject(thrown);
      }
    }
    this.#writing = false;
  }

  async #store(results: readonly ScheduledResult[]): Promise<void> {
    const { database, clock, counters, onRetries } = this.#options;
    const { retries } = await writeResults(database, results, clock.now());
    counters.results += results.length;
    counters.retries += retries;
    if (retries > 0) onRetries();
  }
}
