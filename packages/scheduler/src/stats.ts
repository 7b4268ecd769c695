/** What a scheduler has done since it was started, and what it holds. */
export interface SchedulerStats {
  /** Due times that became events. */
  readonly claimed: number;
  readonly published: number;
  readonly publishFailures: number;
  /** Events that another scheduler had not published, or nobody yet. */
  readonly adopted: number;
  /** Attempts that were lost and published again. */
  readonly republished: number;
  readonly results: number;
  readonly retries: number;
  readonly skipped: number;
  readonly missed: number;
  /** Events held until their time comes. */
  readonly held: number;
  /** Of the publications: how long after their time the bus had them. */
  readonly latenessSumMs: number;
  readonly latenessMaxMs: number;
}

/** Counts for `SchedulerStats`. */
export class Counters {
  claimed = 0;
  published = 0;
  publishFailures = 0;
  adopted = 0;
  republished = 0;
  results = 0;
  retries = 0;
  skipped = 0;
  missed = 0;
  #latenessSumMs = 0;
  #latenessMaxMs = 0;

  lateness(ms: number): void {
    this.#latenessSumMs += ms;
    this.#latenessMaxMs = Math.max(this.#latenessMaxMs, ms);
  }

  stats(held: number): SchedulerStats {
    const { claimed, published, publishFailures, adopted, republished, results, retries, skipped, missed } =
      this;
    return {
      ...{
        claimed,
        published,
        publishFailures,
        adopted,
        republished,
        results,
        retries,
        skipped,
        missed,
        held,
      },
      latenessSumMs: this.#latenessSumMs,
      latenessMaxMs: this.#latenessMaxMs,
    };
  }
}
