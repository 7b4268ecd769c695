import { type Limits, notificationChannel, parseNotification, type WorkerId } from "@openworkers/core";
import {
  type Database,
  findVersion,
  loadRouting,
  loadWorkerRouting,
  type RoutingSnapshot,
} from "@openworkers/db";
import type { Target } from "../cells/target.ts";
import { PreviewVersions } from "./preview-versions.ts";
import type { RouteQuery, Router } from "./router.ts";
import { RoutingTable, Targets } from "./routing-table.ts";

export interface RoutingFeedOptions {
  readonly database: Database;
  readonly baseDomain: string;
  /** What the platform allows a worker. */
  readonly maxima?: Limits;
  /** A new table is in use. `added` are the targets that the one before did not have. */
  readonly onChange?: (added: readonly Target[]) => void;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
  /** How often everything is read again, for what no notification told. Default 30 s. */
  readonly resyncMs?: number;
}

/** How far the table can be trusted. */
export interface FeedState {
  /** The database is listened to and everything it told has been read. */
  readonly fresh: boolean;
  /** Unix milliseconds since when it is not. */
  readonly staleSince: number | undefined;
}

/** Notifications come in bursts, one per row: what comes within this time is read together. */
const gatherMs = 5;
/** More changed workers than this are read with one look at everything. */
const maxSingleReads = 16;
const firstRetryMs = 100;
const longestRetryMs = 5_000;

type Change = WorkerId | "all";

/**
 * Keeps a routing table in step with the database: reads it, listens, reads again what changed. While the
 * database is away the last table stays in use, and everything is read again once it is back.
 */
export class RoutingFeed implements Router, AsyncDisposable {
  readonly #options: RoutingFeedOptions;
  readonly #targets = new Targets();
  readonly #previews: PreviewVersions;
  #snapshot: RoutingSnapshot = { workers: [], domains: [], routes: [] };
  #table: RoutingTable;
  readonly #changes = new Set<Change>();
  #listener: AsyncDisposable | undefined;
  #listening = false;
  #staleSince: number | undefined = Date.now();
  #retryMs = firstRetryMs;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<void> | undefined;
  #resync: ReturnType<typeof setInterval> | undefined;
  #disposed = false;

  private constructor(options: RoutingFeedOptions) {
    this.#options = options;
    this.#table = new RoutingTable(this.#snapshot, options.baseDomain, this.#targets);
    this.#previews = new PreviewVersions((worker, version) =>
      findVersion(options.database, worker, version, this.#routing()),
    );
  }

  /** @throws OpenWorkersError DATABASE_UNAVAILABLE when the first reading fails */
  static async start(options: RoutingFeedOptions): Promise<RoutingFeed> {
    const feed = new RoutingFeed(options);
    try {
      await feed.#start();
    } catch (thrown) {
      await feed[Symbol.asyncDispose]();
      throw thrown;
    }
    return feed;
  }

  get table(): RoutingTable {
    return this.#table;
  }

  get state(): FeedState {
    return { fresh: this.#staleSince === undefined, staleSince: this.#staleSince };
  }

  resolve(query: RouteQuery): Target | undefined | Promise<Target | undefined> {
    const match = this.#table.match(query);
    if (match === undefined) return undefined;
    return match.kind === "target" ? match.target : this.#previews.resolve(match.worker, match.version);
  }

  /** The version of a worker that takes a call through a binding; undefined when none is live. */
  choose(workerId: WorkerId, versionKey: string | undefined): Target | undefined {
    return this.#table.choose(workerId, versionKey);
  }

  /** Whether cells of `target` are still of use: it is live, or somebody previews it. */
  isLive(target: Target): boolean {
    return this.#table.isLive(target) || this.#previews.has(target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#resync);
    await this.#listener?.[Symbol.asyncDispose]();
    await this.#reading;
  }

  async #start(): Promise<void> {
    const { database, resyncMs = 30_000 } = this.#options;
    // Listening first: what changes while the first reading is under way is read again, not missed.
    this.#listener = await database.listen(notificationChannel, {
      onPayload: (payload) => this.#heard(payload),
      onReconnect: () => {
        this.#listening = true;
        this.#changed("all");
      },
      onLost: (error) => this.#lost(error),
    });
    this.#listening = true;
    this.#use(await loadRouting(database, this.#routing()));
    this.#settle();
    this.#resync = setInterval(() => this.#changed("all"), resyncMs);
    this.#resync.unref();
  }

  #routing(): { maxima?: Limits } {
    const { maxima } = this.#options;
    return maxima === undefined ? {} : { maxima };
  }

  #heard(payload: string): void {
    const notification = parseNotification(payload);
    if (notification === undefined) this.#changed("all");
    else if ("workerId" in notification) this.#changed(notification.workerId);
    else if (notification.table === "environments") {
      const { environmentId } = notification;
      for (const worker of this.#snapshot.workers) {
        if (worker.environmentId === environmentId) this.#changed(worker.workerId);
      }
    }
  }

  #lost(error: unknown): void {
    if (this.#listening)
      this.#options.report("The database is not listened to; the last routes stay in use.", { error });
    this.#listening = false;
    this.#staleSince ??= Date.now();
  }

  #changed(change: Change): void {
    if (this.#disposed) return;
    this.#changes.add(change);
    this.#schedule(gatherMs);
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#reading !== undefined || this.#disposed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined;
        if (this.#changes.size > 0) this.#schedule(this.#staleSince === undefined ? gatherMs : this.#retryMs);
      });
    }, delayMs);
  }

  async #read(): Promise<void> {
    const changes = [...this.#changes];
    this.#changes.clear();
    try {
      await this.#readChanges(changes);
      this.#retryMs = firstRetryMs;
      this.#settle();
    } catch (error) {
      if (this.#disposed) return;
      if (this.#staleSince === undefined) {
        this.#options.report("The routes cannot be read; the last ones stay in use.", { error });
      }
      this.#staleSince ??= Date.now();
      this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
      this.#changes.add("all");
    }
  }

  async #readChanges(changes: readonly Change[]): Promise<void> {
    const { database } = this.#options;
    if (changes.includes("all") || changes.length > maxSingleReads) {
      this.#use(await loadRouting(database, this.#routing()));
      return;
    }
    let snapshot = this.#snapshot;
    for (const change of changes) {
      if (change === "all") continue;
      snapshot = merged(snapshot, await loadWorkerRouting(database, change, this.#routing()), change);
    }
    this.#use(snapshot, changes);
  }

  /** Fresh only when nothing was heard of that is not read yet. */
  #settle(): void {
    if (!this.#listening || this.#changes.size > 0 || this.#staleSince === undefined) return;
    const staleMs = Date.now() - this.#staleSince;
    this.#staleSince = undefined;
    // The first reading is a start and no recovery.
    if (this.#resync !== undefined) {
      this.#options.report("The database is back, and the routes are up to date.", { staleMs });
    }
  }

  #use(snapshot: RoutingSnapshot, changed?: readonly Change[]): void {
    const before = this.#table;
    const names = new Map(this.#snapshot.workers.map(({ workerId, worker }) => [workerId, worker]));
    this.#targets.turn();
    this.#snapshot = snapshot;
    this.#table = new RoutingTable(snapshot, this.#options.baseDomain, this.#targets);
    // A preview runs under its worker's environment and limits, which may be what changed.
    if (changed === undefined) this.#previews.forget();
    for (const change of changed ?? []) {
      const name = change === "all" ? undefined : names.get(change);
      if (name !== undefined) this.#previews.forget(name);
    }
    const added = [...this.#table.targets()].filter((target) => !before.isLive(target));
    this.#options.onChange?.(added);
  }
}

/** `whole` with one worker's part replaced by `part`. */
function merged(whole: RoutingSnapshot, part: RoutingSnapshot, workerId: WorkerId): RoutingSnapshot {
  const others = <T extends { readonly workerId: WorkerId }>(rows: readonly T[]): readonly T[] =>
    rows.filter((row) => row.workerId !== workerId);
  return {
    workers: [...others(whole.workers), ...part.workers],
    domains: [...others(whole.domains), ...part.domains],
    routes: [...others(whole.routes), ...part.routes],
  };
}
