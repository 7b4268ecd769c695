import type { Limits, RequestId } from "@openworkers/core";
import type { CpuPriority } from "@openworkers/core/host";
import type { Cell, CellExit } from "../cells/cell.ts";
import type { AcquireOptions, Lease, Verdict } from "../cells/lease.ts";
import type { CpuClock } from "../cells/os/cpu-clock.ts";
import type { CellBudget } from "../subrequests/budget.ts";
import type { CpuCredit } from "./cpu-credit.ts";
import { type CpuAccount, CpuLedger } from "./cpu-ledger.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Place } from "./place.ts";
import { privateBytes } from "./proc.ts";

/** Requests younger than this are not looked at: most are over by then. */
const graceMs = 10;

/** How often a cell without requests is looked at: a thousand of them must cost nothing. */
const restingMs = 100;

/**
 * A reading of the CPU clock this young serves again when a request comes to others or leaves others behind.
 * Requests arrive in bursts, one per turn of the event loop, and what they share is shared at the next reading.
 */
const freshMs = 0.25;

/** CPU a request earns by lasting: 1 % of a core. A stream that says something every second is no loop. */
const creditMsPerMs = 0.01;

/**
 * CPU a request may use before its cell is put behind the others: twenty times a hello world. When processors are
 * scarce, a worker that answers at once then does not wait for one that computes, loops or floods its log.
 */
const shortMs = 5;

/** CPU one queued request may delay an answer of the event loop by, in milliseconds (3× a hello world). */
const turnAllowanceMs = 0.4;

/**
 * Memory above the limit that a cell may hold before it is ended. RLIMIT_DATA refuses allocations first; this
 * catches what it cannot see.
 */
const memorySlackBytes = 64 * 2 ** 20;

export type EndReason = Verdict["reason"];

export interface RunningCellOptions {
  readonly cell: Cell;
  readonly limits: Limits;
  readonly clock: CpuClock;
  readonly priority: CpuPriority;
  readonly budget: CellBudget;
  /** What the cell earns with bytes that it moves beside its requests. */
  readonly credit: CpuCredit;
  /** Called once, when the process is gone. `reason` is absent when the platform itself ended it in peace. */
  readonly onEnded: (cell: RunningCell, reason: EndReason | undefined, exit: CellExit) => void;
  /** Called when a lease is given back. */
  readonly onReleased: (cell: RunningCell) => void;
}

/** A cell that serves: who is in it, what they have used, and the enforcement of its limits. */
export class RunningCell {
  readonly cell: Cell;
  readonly startedAt = performance.now();
  readonly #limits: Limits;
  readonly #clock: CpuClock;
  readonly #ledger: CpuLedger;
  readonly #heartbeat: Heartbeat;
  readonly #options: RunningCellOptions;
  readonly #ended: Promise<void>;
  readonly #cleared: Promise<void>;
  #reason: EndReason | undefined;
  #retired = false;
  #lowered = false;
  #silent = false;
  #gone = false;
  #culprit: CpuAccount | undefined;
  #cpuMs: number;
  #readAt: number;
  #sampledAt: number;
  #sampledCpuMs: number;
  #completed = 0;
  #heldUntil = 0;
  #idleSince = performance.now();

  constructor(options: RunningCellOptions) {
    this.#options = options;
    this.cell = options.cell;
    this.#limits = options.limits;
    this.#clock = options.clock;
    const now = performance.now();
    this.#sampledAt = now;
    this.#readAt = now;
    this.#cpuMs = this.#clock(this.cell.pid) ?? 0;
    this.#sampledCpuMs = this.#cpuMs;
    this.#ledger = new CpuLedger(this.#cpuMs, now, options.credit);
    this.#heartbeat = new Heartbeat(this.cell.controlSocket, now);
    this.#ended = this.cell.exited.then((exit) => this.#onExit(exit));
    // Its directory, sockets and user id outlive the process.
    this.#cleared = this.#ended.then(() => this.cell[Symbol.asyncDispose]());
  }

  get inFlight(): number {
    return this.#ledger.inFlight;
  }

  /** Requests that ended with the cell alive. */
  get completed(): number {
    return this.#completed;
  }

  get gone(): boolean {
    return this.#gone || this.#reason !== undefined || this.#retired;
  }

  /** When the last request left (`performance.now()`); meaningless while one is in flight. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** Until then (`performance.now()`) a request in flight may hold its place, whether or not the version is live. */
  get heldUntil(): number {
    return this.#heldUntil;
  }

  get cpuMs(): number {
    return this.#cpuMs;
  }

  lease({ requestId, holdMs, span }: Omit<AcquireOptions, "signal">, coldStart: boolean): Lease {
    const now = performance.now();
    if (holdMs !== undefined) this.#heldUntil = Math.max(this.#heldUntil, now + holdMs);
    const account = this.#ledger.open(now, this.#sharedCpu(now));
    if (this.#lowered) this.#lower(this.#isHeavy(now));
    this.#options.budget.open(requestId, span);
    return new Place(this, requestId, account, coldStart);
  }

  /** Why the cell ended, once it has, and whether the request of `account` is to blame. */
  async verdict(account: CpuAccount): Promise<Verdict> {
    await this.#ended;
    return { reason: this.#reason ?? "crashed", culprit: this.#culprit === account };
  }

  /** Takes a request's account off the cell's ledger. Once for each. */
  release(requestId: RequestId, account: CpuAccount): void {
    this.#options.budget.close(requestId);
    const now = performance.now();
    if (!this.#gone && this.#reason === undefined) {
      this.#heartbeat.sign(now);
      this.#completed += 1;
    }
    this.#ledger.close(account, now, this.#sharedCpu(now), this.#limits.cpuMs);
    if (this.#lowered) this.#lower(this.#isHeavy(now));
    if (this.inFlight === 0) this.#idleSince = now;
    this.#options.onReleased(this);
  }

  /** Enforces the limits; called every few milliseconds. Does nothing for a cell that sleeps. */
  inspect(now: number): void {
    if (this.gone) return;
    const oldest = this.#oldest();
    if (oldest === undefined ? now - this.#sampledAt < restingMs : now - oldest.since < graceMs) return;
    const cpuMs = this.#readCpu(now);
    const used = cpuMs - this.#sampledCpuMs;
    const busy = used / Math.max(1, now - this.#sampledAt);
    this.#sampledAt = now;
    this.#sampledCpuMs = cpuMs;
    if (used > 0) this.#ledger.charge(now, cpuMs);
    this.#lower(this.inFlight === 0 ? busy > 0.5 : this.#isHeavy(now));
    if (used === 0) return;
    const countedMs = cpuMs - this.#options.credit.warmingMs;
    this.#judge(now, countedMs);
    if (busy > 0.5) this.#heartbeat.ask(now, countedMs);
  }

  /** Enforces the memory limit; called less often. */
  inspectMemory(): void {
    if (this.gone) return;
    const bytes = privateBytes(this.cell.pid);
    if (bytes !== undefined && bytes > this.#limits.memoryBytes + memorySlackBytes) {
      this.#end("memory-limit", this.#suspect());
    }
  }

  /** Ends the cell for what it takes of what all share; which of its requests took it cannot be seen. */
  expel(): void {
    if (!this.gone) this.#end("crashed", undefined);
  }

  /** Ends the cell in peace: nobody is to blame. */
  async retire(): Promise<void> {
    this.#retired = true;
    this.#heartbeat.stop();
    this.cell.kill();
    await this.#cleared;
  }

  /** @param countedMs the cell's CPU clock without what it had for getting ready */
  #judge(now: number, countedMs: number): void {
    const silentMs = this.#heartbeat.silentCpuMs(countedMs);
    const silent = silentMs > this.#limits.cpuMs + Math.max(0, this.inFlight - 1) * turnAllowanceMs;
    // Seen twice, because a runner that was held up itself looks here before it reads the answers that wait for it.
    if (silent && this.#silent) {
      this.#end("cpu-limit", this.#suspect());
      return;
    }
    this.#silent = silent;
    if (this.inFlight === 0) {
      if (now - this.#idleSince > this.#limits.backgroundMs) {
        this.#ledger.lapseBackground(this.#limits.cpuMs);
        this.#options.budget.lapse();
      }
      if (this.#ledger.backgroundMs > this.#ledger.backgroundBudgetMs + this.#limits.cpuMs) {
        this.#end("cpu-limit", undefined);
      }
      return;
    }
    const account = this.#over(this.#limits.cpuMs, now);
    if (account !== undefined) this.#end("cpu-limit", account);
  }

  /** The first request that has used more than `cpuMs` beyond what it has earned. */
  #over(cpuMs: number, now: number): CpuAccount | undefined {
    for (const account of this.#ledger.accounts()) {
      const earnedMs = account.creditMs + (now - account.since) * creditMsPerMs;
      if (account.cpuMs > cpuMs + earnedMs) return account;
    }
    return undefined;
  }

  #isHeavy(now: number): boolean {
    return this.#over(shortMs, now) !== undefined;
  }

  #lower(lowered: boolean): void {
    if (lowered !== this.#lowered && this.#options.priority(this.cell.pid, lowered)) this.#lowered = lowered;
  }

  /**
   * Who keeps the event loop: the first request that came after its last sign of life, for those behind it
   * have not begun; when none came, the youngest of the others.
   */
  #suspect(): CpuAccount | undefined {
    let youngest: CpuAccount | undefined;
    for (const account of this.#ledger.accounts()) {
      if (account.since >= this.#heartbeat.lastSignAt) return account;
      youngest = account;
    }
    return youngest;
  }

  #oldest(): CpuAccount | undefined {
    for (const account of this.#ledger.accounts()) return account;
    return undefined;
  }

  /** The CPU clock for a request's coming or going: with one request in flight every bill is exact. */
  #sharedCpu(now: number): number {
    return this.inFlight > 1 && now - this.#readAt < freshMs ? this.#cpuMs : this.#readCpu(now);
  }

  #readCpu(now: number): number {
    this.#readAt = now;
    this.#cpuMs = this.#clock(this.cell.pid) ?? this.#cpuMs;
    return this.#cpuMs;
  }

  #end(reason: EndReason, culprit: CpuAccount | undefined): void {
    this.#reason = reason;
    this.#culprit = culprit;
    this.cell.kill();
  }

  #onExit(exit: CellExit): void {
    this.#gone = true;
    this.#heartbeat.stop();
    if (!this.#retired && this.#reason === undefined) {
      this.#culprit = this.#suspect();
      this.#reason = exit.outOfMemory ? "memory-limit" : "crashed";
    }
    this.#options.onEnded(this, this.#reason, exit);
  }
}
