import { notificationChannel, parseNotification, type Report } from "@openworkers/core";
import {
  type Database,
  loadQueueDeliveries,
  loadQueuePurges,
  type QueueDelivery,
  type QueuePurge,
} from "@openworkers/db";

export interface QueueFeedOptions {
  readonly database: Database;
  /** What is to be delivered from now on. */
  readonly onDeliveries: (deliveries: readonly QueueDelivery[]) => void;
  /** Messages to remove from the bus. One that fails is asked for again. */
  readonly onPurge: (purge: QueuePurge) => Promise<void>;
  readonly report: Report;
  /** How often everything is read again, for what no notification told. Default 30 s. */
  readonly resyncMs?: number;
}

/** Changes come in bursts, one per row: what comes within this time is read together. */
const gatherMs = 10;
const firstRetryMs = 100;
const longestRetryMs = 5_000;

/**
 * Tells which queues are to be delivered, as the database has it. While that is away the last answer stays in use; all
 * is read again once it is back.
 */
export class QueueFeed implements AsyncDisposable {
  readonly #options: QueueFeedOptions;
  readonly #resync: ReturnType<typeof setInterval>;
  #listener: AsyncDisposable | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<void> | undefined;
  #retryMs = firstRetryMs;
  #again = false;
  #failing = false;
  #disposed = false;

  private constructor(options: QueueFeedOptions) {
    this.#options = options;
    this.#resync = setInterval(() => this.#changed(), options.resyncMs ?? 30_000);
    this.#resync.unref();
  }

  /** @throws OpenWorkersError DATABASE_UNAVAILABLE when the database cannot be listened to */
  static async start(options: QueueFeedOptions): Promise<QueueFeed> {
    const feed = new QueueFeed(options);
    try {
      feed.#listener = await options.database.listen(notificationChannel, {
        onPayload: (payload) => feed.#heard(payload),
        onReconnect: () => feed.#changed(),
      });
    } catch (thrown) {
      await feed[Symbol.asyncDispose]();
      throw thrown;
    }
    feed.#changed();
    return feed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#resync);
    clearTimeout(this.#timer);
    await this.#listener?.[Symbol.asyncDispose]();
    await this.#reading;
  }

  #heard(payload: string): void {
    const table = parseNotification(payload)?.table;
    // A queue is delivered from the first deployment of its consumer on.
    if (table === undefined || table === "queues" || table === "deployments") this.#changed();
  }

  #changed(delayMs = gatherMs): void {
    if (this.#disposed || this.#timer !== undefined) return;
    if (this.#reading !== undefined) {
      this.#again = true;
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#again = false;
      this.#reading = this.#read().then((delay) => {
        this.#reading = undefined;
        if (delay !== undefined || this.#again) this.#changed(delay);
      });
    }, delayMs);
  }

  /** Returns after how long it is to be tried again; undefined when all went well. */
  async #read(): Promise<number | undefined> {
    const { database, onDeliveries, onPurge, report } = this.#options;
    try {
      onDeliveries(await loadQueueDeliveries(database));
      for (const purge of await loadQueuePurges(database)) await onPurge(purge);
      this.#failing = false;
      this.#retryMs = firstRetryMs;
      return undefined;
    } catch (error) {
      if (!this.#failing && !this.#disposed) report("The queues cannot be looked after for now.", { error });
      this.#failing = true;
      this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
      return this.#retryMs;
    }
  }
}
