import type { CronPolicy } from "@openworkers/core";
import type { StoredCron, StoredScheduledEvent } from "@openworkers/db";

export interface AddCron {
  readonly worker: string;
  readonly expression: string;
  readonly timezone?: string;
  readonly policy: Partial<CronPolicy>;
}

/** Which cron of a worker: by id or expression, and by its time zone where that is not enough. */
export interface WhichCron {
  readonly worker: string;
  readonly cron: string;
  readonly timezone?: string;
}

export interface HistoryOptions {
  readonly cron?: string;
  readonly limit?: number;
}

/** What commands do to the crons of workers. */
export interface CronsBackend {
  /** By worker, the oldest first. */
  list(worker?: string): Promise<StoredCron[]>;
  add(wanted: AddCron): Promise<StoredCron>;
  change(which: WhichCron, policy: Partial<CronPolicy>): Promise<StoredCron>;
  pause(which: WhichCron): Promise<StoredCron>;
  /** Due from then on: what it missed while it was paused is not made up for. */
  resume(which: WhichCron): Promise<StoredCron>;
  remove(which: WhichCron): Promise<StoredCron>;
  /** Has it run now. */
  run(which: WhichCron): Promise<StoredScheduledEvent>;
  event(worker: string, id: StoredScheduledEvent["id"]): Promise<StoredScheduledEvent>;
  /** The newest first. */
  history(worker: string, options: HistoryOptions): Promise<StoredScheduledEvent[]>;
}
