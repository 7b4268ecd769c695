import { type CronSchedule, parseCron } from "@openworkers/core";

/** Parsed crons that are remembered: parsing takes as long as using one. */
const maxSchedules = 20_000;

/** Schedules by expression and time zone. */
export class Schedules {
  readonly #known = new Map<string, CronSchedule>();

  /** @throws OpenWorkersError INVALID_INPUT */
  of({ expression, timezone }: { readonly expression: string; readonly timezone: string }): CronSchedule {
    const key = `${timezone} ${expression}`;
    let schedule = this.#known.get(key);
    if (schedule === undefined) {
      if (this.#known.size >= maxSchedules) this.#known.clear();
      schedule = parseCron(expression, timezone);
      this.#known.set(key, schedule);
    }
    return schedule;
  }
}
