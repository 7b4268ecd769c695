import type { InvocationRecord, Registry, Sample } from "@openworkers/core";

/** Workers that have series of their own. */
const maxWorkers = 200;
/** A worker that has been silent for so long gives way to one that has none. */
const silentMs = 3_600_000;

interface Series {
  readonly outcomes: Map<string, number>;
  cpuSeconds: number;
  seenAt: number;
}

/**
 * Counts each worker apart, as far as the places go; who comes later is counted as `other` until somebody has been
 * silent for an hour. What is counted stays where it is: a counter that went down would look like a restart.
 */
export class WorkerSeries {
  readonly #series = new Map<string, Series>();
  readonly #other: Series = { outcomes: new Map(), cpuSeconds: 0, seenAt: 0 };
  readonly #now: () => number;
  readonly #places: number;
  /** Asked for every invocation of a worker without a place, whether there is room is looked for once a second. */
  #lookAgainAt = 0;

  /** @param now in milliseconds, from any beginning */
  constructor(registry: Registry, places: number = maxWorkers, now: () => number = () => performance.now()) {
    this.#places = places;
    this.#now = now;
    registry.readCounter("ow_worker_invocations_total", "Invocations of one worker, by how they ended.", () =>
      this.#outcomes(),
    );
    registry.readCounter("ow_worker_cpu_seconds_total", "CPU time of one worker's invocations.", () =>
      this.#cpu(),
    );
  }

  count({ worker, outcome, cpuMs }: InvocationRecord): void {
    const series = this.#series.get(worker) ?? this.#place(worker);
    series.outcomes.set(outcome, (series.outcomes.get(outcome) ?? 0) + 1);
    series.cpuSeconds += cpuMs / 1_000;
    series.seenAt = this.#now();
  }

  #place(worker: string): Series {
    if (this.#series.size >= this.#places && !this.#makeRoom()) return this.#other;
    const series: Series = { outcomes: new Map(), cpuSeconds: 0, seenAt: 0 };
    this.#series.set(worker, series);
    return series;
  }

  #makeRoom(): boolean {
    const now = this.#now();
    if (now < this.#lookAgainAt) return false;
    for (const [worker, { seenAt }] of this.#series) {
      if (now - seenAt < silentMs) continue;
      this.#series.delete(worker);
      return true;
    }
    this.#lookAgainAt = now + 1_000;
    return false;
  }

  *#all(): Generator<readonly [string, Series]> {
    yield* this.#series;
    // No worker can be called so: names have no colon.
    if (this.#other.outcomes.size > 0) yield [":other", this.#other];
  }

  *#outcomes(): Generator<Sample> {
    for (const [worker, { outcomes }] of this.#all()) {
      for (const [outcome, value] of outcomes) yield { labels: { worker, outcome }, value };
    }
  }

  *#cpu(): Generator<Sample> {
    for (const [worker, { cpuSeconds }] of this.#all()) yield { labels: { worker }, value: cpuSeconds };
  }
}
