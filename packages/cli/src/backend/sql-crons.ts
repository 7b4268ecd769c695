import type { CronPolicy, UserId } from "@openworkers/core";
import {
  addCron,
  type CronChange,
  changeCron,
  type Database,
  getScheduledEvent,
  listCrons,
  listScheduledEvents,
  removeCron,
  runCron,
  type StoredCron,
  type StoredScheduledEvent,
} from "@openworkers/db";
import type { AddCron, CronsBackend, HistoryOptions, WhichCron } from "./crons.ts";

/** Crons, through the platform's database. */
export class SqlCrons implements CronsBackend {
  readonly #database: Database;
  readonly #by: () => Promise<UserId>;

  constructor(database: Database, by: () => Promise<UserId>) {
    this.#database = database;
    this.#by = by;
  }

  async list(worker?: string): Promise<StoredCron[]> {
    return await listCrons(this.#database, worker);
  }

  async add(wanted: AddCron): Promise<StoredCron> {
    return await addCron(this.#database, { ...wanted, by: await this.#by() });
  }

  async change(which: WhichCron, policy: Partial<CronPolicy>): Promise<StoredCron> {
    return await this.#change(which, { policy });
  }

  async pause(which: WhichCron): Promise<StoredCron> {
    return await this.#change(which, { paused: true });
  }

  async resume(which: WhichCron): Promise<StoredCron> {
    return await this.#change(which, { paused: false });
  }

  async remove(which: WhichCron): Promise<StoredCron> {
    return await removeCron(this.#database, { ...which, by: await this.#by() });
  }

  async run(which: WhichCron): Promise<StoredScheduledEvent> {
    return await runCron(this.#database, { ...which, by: await this.#by() });
  }

  async event(_: string, id: StoredScheduledEvent["id"]): Promise<StoredScheduledEvent> {
    return await getScheduledEvent(this.#database, id);
  }

  async history(worker: string, options: HistoryOptions): Promise<StoredScheduledEvent[]> {
    return await listScheduledEvents(this.#database, { worker, ...options });
  }

  async #change(which: WhichCron, change: CronChange): Promise<StoredCron> {
    return await changeCron(this.#database, { ...which, by: await this.#by() }, change);
  }
}
