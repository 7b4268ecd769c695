import { OpenWorkersError } from "@openworkers/core";
import type { CellExit } from "../cells/cell.ts";
import type { AcquireOptions, Lease } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import { Backoff } from "./backoff.ts";
import type { EndReason, RunningCell } from "./running-cell.ts";
import { WaitingLine } from "./waiting-line.ts";

/** In flight per cell above which a busy worker is given another replica. */
const replicaPressure = 8;

export interface WorkerCellsOptions {
  readonly target: Target;
  readonly maxReplicas: number;
  /** Share of one core above which a cell counts as busy. */
  readonly replicaBusy: number;
  /** Starts a cell of the target; `onEnded` and `onReleased` are to be wired to these cells. */
  readonly start: (target: Target, wiring: CellWiring) => Promise<RunningCell>;
  readonly onCellEnded: (target: Target, reason: EndReason | undefined, exit: CellExit) => void;
}

export interface CellWiring {
  readonly onEnded: (cell: RunningCell, reason: EndReason | undefined, exit: CellExit) => void;
  readonly onReleased: (cell: RunningCell) => void;
}

interface CpuSample {
  readonly at: number;
  readonly cpuMs: number;
}

/** The cells of one target: replicas, the line before them, and back-off when they keep dying. */
export class WorkerCells {
  readonly target: Target;
  readonly #options: WorkerCellsOptions;
  readonly #cells = new Set<RunningCell>();
  readonly #line: WaitingLine<Lease, AcquireOptions>;
  readonly #backoff = new Backoff();
  readonly #samples = new WeakMap<RunningCell, CpuSample>();
  #lastReason: EndReason = "crashed";
  #diedAt = 0;
  #starting = 0;
  #closed = false;

  constructor(options: WorkerCellsOptions) {
    this.#options = options;
    this.target = options.target;
    this.#line = new WaitingLine(options.target.limits.queueLength, options.target.limits.queueMs);
  }

  get cells(): ReadonlySet<RunningCell> {
    return this.#cells;
  }

  get starting(): number {
    return this.#starting;
  }

  get waiting(): number {
    return this.#line.size;
  }

  get inFlight(): number {
    let total = 0;
    for (const cell of this.#cells) total += cell.inFlight;
    return total;
  }

  /** As `Dispatcher.acquire` has it. */
  acquire(options: AcquireOptions): Lease | Promise<Lease> {
    const free = this.#line.size === 0 ? this.#freest() : undefined;
    return free?.lease(options, false) ?? this.#wait(options);
  }

  async #wait(options: AcquireOptions): Promise<Lease> {
    const none = this.#cells.size + this.#starting === 0;
    if (none) this.#refuseWhileBackingOff();
    const place = this.#line.wait(options.signal, options);
    if (this.#starting === 0 && this.#cells.size < this.#options.maxReplicas) this.#startOne();
    return place;
  }

  /** Whether the target's history is still needed: it is being made to wait. */
  backingOff(now: number): boolean {
    return this.#backoff.deaths > 0 && now - this.#diedAt < 60_000;
  }

  /** Adds a replica when every cell is busy and has requests waiting in it. */
  scale(now: number): void {
    if (this.#starting > 0 || this.#closed) return;
    let allBusy = this.#cells.size > 0 && this.#cells.size < this.#options.maxReplicas;
    for (const cell of this.#cells) {
      const before = this.#samples.get(cell);
      this.#samples.set(cell, { at: now, cpuMs: cell.cpuMs });
      const busy =
        before !== undefined && (cell.cpuMs - before.cpuMs) / (now - before.at) > this.#options.replicaBusy;
      if (!busy || cell.inFlight < replicaPressure) allBusy = false;
    }
    if (allBusy) this.#startOne();
  }

  /** No new requests; what is in flight goes on. */
  close(): void {
    this.#closed = true;
  }

  /** Refuses whoever waits, and ends every cell at once. */
  async end(): Promise<void> {
    this.#closed = true;
    this.#line.refuse(new OpenWorkersError("OVERLOADED", "The runner is stopping.", { hint: "Try again." }));
    await Promise.all([...this.#cells].map((cell) => cell.retire()));
  }

  async evict(cell: RunningCell): Promise<void> {
    this.#cells.delete(cell);
    await cell.retire();
  }

  #freest(): RunningCell | undefined {
    let freest: RunningCell | undefined;
    for (const cell of this.#cells) {
      if (cell.gone || cell.inFlight >= this.target.limits.concurrency) continue;
      if (freest === undefined || cell.inFlight < freest.inFlight) freest = cell;
    }
    return freest;
  }

  #refuseWhileBackingOff(): void {
    const retryAfterMs = this.#backoff.waitMs(performance.now());
    if (retryAfterMs === 0) return;
    throw new OpenWorkersError(
      "CRASH_LOOP",
      `${this.target.worker} ended ${this.#backoff.deaths} times in a row before it answered.`,
      {
        hint: `It is started again in ${Math.ceil(retryAfterMs / 1_000)} s; its logs say why it ends.`,
        details: { retryAfterMs, reason: this.#lastReason },
      },
    );
  }

  #startOne(): void {
    this.#starting += 1;
    this.#options
      .start(this.target, {
        onEnded: (cell, reason, exit) => this.#onEnded(cell, reason, exit),
        onReleased: () => this.#serveLine(),
      })
      .then(
        (cell) => this.#onStarted(cell),
        (error) => this.#onStartFailed(error),
      );
  }

  #onStarted(cell: RunningCell): void {
    this.#starting -= 1;
    if (cell.gone) return; // it died between its start and this turn; #onEnded has been told
    this.#cells.add(cell);
    this.#serveLine(cell);
  }

  #onStartFailed(error: unknown): void {
    this.#starting -= 1;
    this.#diedAt = performance.now();
    this.#backoff.died(this.#diedAt);
    if (this.#cells.size === 0) this.#line.refuse(error);
  }

  #serveLine(started?: RunningCell): void {
    let coldStart = started !== undefined;
    while (this.#line.size > 0) {
      const cell = this.#freest();
      if (cell === undefined) return;
      const cold = coldStart;
      this.#line.serve((options) => cell.lease(options, cold));
      coldStart = false;
    }
  }

  #onEnded(cell: RunningCell, reason: EndReason | undefined, exit: CellExit): void {
    this.#cells.delete(cell);
    this.#options.onCellEnded(this.target, reason, exit);
    if (reason === undefined) return;
    this.#lastReason = reason;
    this.#diedAt = performance.now();
    if (cell.completed > 0) this.#backoff.served();
    else this.#backoff.died(performance.now());
    if (this.#line.size > 0 && this.#starting === 0 && !this.#closed) this.#startOne();
  }
}
