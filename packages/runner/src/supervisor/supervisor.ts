import { availableParallelism } from "node:os";
import type { LogSink } from "@openworkers/core";
import { OpenWorkersError } from "@openworkers/core";
import { openCpuPriority } from "@openworkers/core/host";
import type { ByteMeter } from "../cells/byte-meter.ts";
import type { Cell, CellExit, CellLine } from "../cells/cell.ts";
import type { AcquireOptions, Dispatcher, Lease } from "../cells/lease.ts";
import { openCpuClock } from "../cells/os/cpu-clock.ts";
import { type Program, type ProgramSource, type Target, targetKey } from "../cells/target.ts";
import { CellBudget } from "../subrequests/budget.ts";
import { type Blank, BlankCells } from "./blank-cells.ts";
import { CpuCredit, warmUpMs } from "./cpu-credit.ts";
import { overgrownCells } from "./overgrown-cells.ts";
import { availableMemoryShare, privateBytes } from "./proc.ts";
import { type EndReason, RunningCell } from "./running-cell.ts";
import { type CellWiring, WorkerCells } from "./worker-cells.ts";

/** Lets the others go first, and a busy machine does not starve who computes for a reason. */
const loweredNice = 5;

/** How often busy cells are looked at. The design allows a runaway loop 50 ms over its limit. */
const inspectEveryMs = 10;
/** How often memory, idle cells, replicas and memory pressure are looked at. */
const houseEveryMs = 250;
/** Below this share of available memory idle cells are given up, least recently used first. */
const scarceMemoryShare = 0.1;

/** Cells of a runner unless its operator says otherwise. */
export const defaultMaxCells = 500;

/** A blank cell that can be given a worker; what `launchBlankCell` returns. */
export interface AssignableBlank extends Blank {
  assign(program: Program, options: AssignOptions): Promise<Cell>;
}

export interface AssignOptions {
  readonly target: Target;
  readonly limits: Target["limits"];
  readonly budget: CellBudget;
  /** Told of the bytes that the cell moves through its bindings and its way out. */
  readonly meter: ByteMeter;
  readonly onLine: (line: CellLine) => void;
}

export interface SupervisorOptions {
  readonly programs: ProgramSource;
  readonly launch: () => Promise<AssignableBlank>;
  readonly logs: LogSink;
  /** What an operator should read: a cell that crashed, a blank that did not start. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
  /** Cells that may run at a time, blank ones aside. Default `defaultMaxCells`. */
  readonly maxCells?: number;
  /** Blank cells kept ready. Default 2. */
  readonly warmCells?: number;
  /** How long a cell may be idle before it is ended. Default 5 minutes. */
  readonly idleMs?: number;
  /** Replicas of one worker. Default: the number of cores. */
  readonly maxReplicas?: number;
  /** Share of one core above which a cell counts as busy, and may get a replica. Default 0.7. */
  readonly replicaBusy?: number;
  /** Share of the machine's memory that is available, 0 to 1. Default: what the kernel says. */
  readonly availableMemory?: () => number;
  /** Files that the runner may have open, the other ends of its cells' connections among them. Default: not looked at. */
  readonly maxOpenFiles?: number;
  /** Told how long each cell took from being wanted to being ready, in milliseconds. */
  readonly onStarted?: (ms: number) => void;
}

export interface SupervisorStats {
  readonly cells: number;
  readonly starting: number;
  readonly blank: number;
  readonly draining: number;
  readonly inFlight: number;
  readonly waiting: number;
  readonly coldStarts: number;
  readonly ends: Readonly<Record<EndReason | "retired", number>>;
}

/** A cell that runs. */
export interface CellState {
  readonly worker: string;
  readonly version: number;
  readonly pid: number;
  /** `draining`: its version is no longer live, and it finishes what it has. */
  readonly state: "busy" | "idle" | "draining";
  /** Resident memory that is the cell's alone; null when the kernel does not say, or it has just ended. */
  readonly memoryBytes: number | null;
  readonly memoryLimitBytes: number;
  /** Since it began. */
  readonly cpuMs: number;
  readonly ageMs: number;
  /** 0 while it works. */
  readonly idleMs: number;
  readonly inFlight: number;
  /** That it has answered. */
  readonly requests: number;
}

/** Starts cells when they are needed, hands out places in them, enforces their limits and ends them. */
export class Supervisor implements Dispatcher, AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #clock = openCpuClock();
  readonly #priority = openCpuPriority(loweredNice);
  readonly #workers = new Map<string, WorkerCells>();
  readonly #draining = new Map<WorkerCells, number>();
  readonly #blanks: BlankCells<AssignableBlank>;
  readonly #stopping = new AbortController();
  readonly #maxCells: number;
  readonly #maxReplicas: number;
  readonly #idleMs: number;
  readonly #timers: readonly ReturnType<typeof setInterval>[];
  readonly #ends: Record<EndReason | "retired", number> = {
    "cpu-limit": 0,
    "memory-limit": 0,
    crashed: 0,
    retired: 0,
  };
  #coldStarts = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#maxCells = options.maxCells ?? defaultMaxCells;
    this.#maxReplicas = options.maxReplicas ?? availableParallelism();
    this.#idleMs = options.idleMs ?? 5 * 60_000;
    this.#blanks = new BlankCells({
      launch: options.launch,
      size: options.warmCells ?? 2,
      onError: (error) => options.report("A blank cell did not start.", { error }),
    });
    this.#timers = [
      setInterval(() => this.#inspect(), inspectEveryMs),
      setInterval(() => this.#keepHouse(), houseEveryMs),
    ];
    this.#blanks.fill();
  }

  acquire(target: Target, options: AcquireOptions): Lease | Promise<Lease> {
    if (this.#stopping.signal.aborted) {
      return Promise.reject(
        new OpenWorkersError("OVERLOADED", "The runner is stopping.", { hint: "Try again." }),
      );
    }
    const key = targetKey(target);
    let worker = this.#workers.get(key);
    if (worker === undefined) {
      worker = new WorkerCells({
        target,
        maxReplicas: Math.min(this.#maxReplicas, this.#maxCells),
        replicaBusy: this.#options.replicaBusy ?? 0.7,
        start: (wanted, wiring) => this.#start(wanted, wiring),
        onCellEnded: (ended, reason, exit) => this.#onCellEnded(ended, reason, exit),
      });
      this.#workers.set(key, worker);
    }
    return worker.acquire(options);
  }

  /**
   * Drains the cells of targets that are no longer live: they get no new request, finish what they have, and
   * end when their background work has had its time.
   */
  retain(isLive: (target: Target) => boolean): void {
    for (const [key, worker] of this.#workers) {
      if (isLive(worker.target)) continue;
      this.#workers.delete(key);
      worker.close();
      this.#draining.set(worker, performance.now());
    }
  }

  stats(): SupervisorStats {
    const total = { cells: 0, starting: 0, inFlight: 0, waiting: 0 };
    for (const worker of this.#all()) {
      total.cells += worker.cells.size;
      total.starting += worker.starting;
      total.inFlight += worker.inFlight;
      total.waiting += worker.waiting;
    }
    return {
      ...total,
      blank: this.#blanks.size,
      draining: this.#draining.size,
      coldStarts: this.#coldStarts,
      ends: { ...this.#ends },
    };
  }

  /** The cells that run, with their targets: for `ow doctor`, metrics and tests. */
  *cells(): Generator<{ target: Target; pid: number; inFlight: number; cpuMs: number }> {
    for (const { target, cell } of this.#running()) {
      yield { target, pid: cell.cell.pid, inFlight: cell.inFlight, cpuMs: cell.cpuMs };
    }
  }

  /** Each cell as an operator is shown it. */
  states(): CellState[] {
    const now = performance.now();
    return [...this.#running()].map(({ target, cell, draining }) => ({
      worker: target.worker,
      version: target.version,
      pid: cell.cell.pid,
      state: draining ? "draining" : cell.inFlight > 0 ? "busy" : "idle",
      memoryBytes: privateBytes(cell.cell.pid) ?? null,
      memoryLimitBytes: target.limits.memoryBytes,
      cpuMs: cell.cpuMs,
      ageMs: now - cell.startedAt,
      idleMs: cell.inFlight > 0 ? 0 : now - cell.idleSince,
      inFlight: cell.inFlight,
      requests: cell.completed,
    }));
  }

  /** Ends every cell at once; drain the ingress first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new OpenWorkersError("OVERLOADED", "The runner is stopping."));
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([this.#blanks.stop(), ...[...this.#all()].map((worker) => worker.end())]);
    this.#workers.clear();
    this.#draining.clear();
  }

  *#running(): Generator<{ target: Target; cell: RunningCell; draining: boolean }> {
    for (const worker of this.#all()) {
      for (const cell of worker.cells)
        yield { target: worker.target, cell, draining: this.#draining.has(worker) };
    }
  }

  *#all(): Generator<WorkerCells> {
    yield* this.#workers.values();
    yield* this.#draining.keys();
  }

  async #start(target: Target, wiring: CellWiring): Promise<RunningCell> {
    const startedAt = performance.now();
    this.#makeRoom();
    const signal = this.#stopping.signal;
    // A blank is ready or on its way while the code is loaded.
    const [program, blank] = await settleBoth(
      this.#options.programs.load(target, signal),
      this.#blanks.take(),
    );
    if (signal.aborted) {
      await blank[Symbol.asyncDispose]();
      throw signal.reason;
    }
    const budget = new CellBudget(target.limits);
    const credit = new CpuCredit(warmUpMs(program.code.modules));
    const cell = await blank.assign(program, {
      target,
      budget,
      meter: credit,
      limits: target.limits,
      onLine: (line) => this.#log(target, line),
    });
    if (signal.aborted) {
      await cell[Symbol.asyncDispose]();
      throw signal.reason;
    }
    this.#coldStarts += 1;
    this.#options.onStarted?.(performance.now() - startedAt);
    const kernel = { clock: this.#clock, priority: this.#priority };
    return new RunningCell({ cell, limits: target.limits, budget, credit, ...kernel, ...wiring });
  }

  /** Frees a place for a new cell when all are taken. */
  #makeRoom(): void {
    let count = 0;
    for (const worker of this.#all()) count += worker.cells.size + worker.starting;
    // The one being started counts itself.
    if (count <= this.#maxCells || this.#evictIdlest()) return;
    throw new OpenWorkersError("OVERLOADED", `All ${this.#maxCells} cells of this runner are busy.`, {
      hint: "Try again shortly; the operator can raise OW_MAX_CELLS.",
    });
  }

  #evictIdlest(): boolean {
    let idlest: { worker: WorkerCells; cell: RunningCell } | undefined;
    for (const worker of this.#all()) {
      for (const cell of worker.cells) {
        if (cell.inFlight > 0) continue;
        if (idlest === undefined || cell.idleSince < idlest.cell.idleSince) idlest = { worker, cell };
      }
    }
    if (idlest === undefined) return false;
    this.#evict(idlest.worker, idlest.cell);
    return true;
  }

  #evict(worker: WorkerCells, cell: RunningCell): void {
    worker.evict(cell).catch((error) => this.#options.report("A cell did not end.", { error }));
  }

  #inspect(): void {
    const now = performance.now();
    for (const worker of this.#all()) {
      for (const cell of worker.cells) cell.inspect(now);
    }
  }

  #keepHouse(): void {
    const now = performance.now();
    for (const [key, worker] of this.#workers) {
      worker.scale(now);
      for (const cell of worker.cells) {
        cell.inspectMemory();
        if (cell.inFlight === 0 && now - cell.idleSince > this.#idleMs) this.#evict(worker, cell);
      }
      const forgotten = worker.cells.size + worker.starting + worker.waiting === 0;
      if (forgotten && !worker.backingOff(now)) this.#workers.delete(key);
    }
    this.#keepDraining(now);
    this.#keepFiles();
    const available = this.#options.availableMemory ?? availableMemoryShare;
    if (available() < scarceMemoryShare) this.#evictIdlest();
  }

  #keepFiles(): void {
    const { maxOpenFiles, report } = this.#options;
    if (maxOpenFiles === undefined) return;
    const all = [...this.#all()].flatMap(({ target, cells }) =>
      [...cells].map((cell) => ({ target, cell, pid: cell.cell.pid })),
    );
    for (const { target, cell, files } of overgrownCells(all, maxOpenFiles)) {
      const { worker, version } = target;
      report("The runner's files run short: a cell with many connections was ended.", {
        worker,
        version,
        files,
        maxOpenFiles,
      });
      cell.expel();
    }
  }

  #keepDraining(now: number): void {
    for (const [worker, since] of this.#draining) {
      const { backgroundMs, firstByteMs } = worker.target.limits;
      const overdue = now - since > firstByteMs + backgroundMs;
      for (const cell of worker.cells) {
        cell.inspectMemory();
        const late = overdue && now > cell.heldUntil;
        const rested = cell.inFlight === 0 && now - cell.idleSince > backgroundMs;
        if (late || rested) this.#evict(worker, cell);
      }
      if (worker.cells.size + worker.starting === 0) this.#draining.delete(worker);
    }
  }

  #onCellEnded(target: Target, reason: EndReason | undefined, exit: CellExit): void {
    this.#ends[reason ?? "retired"] += 1;
    if (reason === undefined) return;
    this.#log(target, { time: Date.now(), level: "error", message: endMessage(target, reason) });
    if (reason === "crashed") {
      this.#options.report("A cell crashed.", { worker: target.worker, version: target.version, ...exit });
    }
  }

  #log(target: Target, line: CellLine): void {
    const { workerId, worker, versionId, version } = target;
    this.#options.logs.emit({ kind: "line", workerId, worker, versionId, version, ...line });
  }
}

/** What the worker's own log says of a cell that was ended. */
function endMessage(target: Target, reason: EndReason): string {
  const messages: Record<EndReason, string> = {
    "cpu-limit": `CPU limit exceeded (${target.limits.cpuMs} ms per request): the worker was stopped.`,
    "memory-limit": `Memory limit exceeded (${target.limits.memoryBytes / 2 ** 20} MB): the worker was stopped.`,
    crashed: "The worker's process ended unexpectedly.",
  };
  return messages[reason];
}

/** Both, or the first error once both have settled: a blank that was taken is never lost to a failed load. */
async function settleBoth<A, B extends AsyncDisposable>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (second.status === "rejected") throw second.reason;
  if (first.status === "rejected") {
    await second.value[Symbol.asyncDispose]();
    throw first.reason;
  }
  return [first.value, second.value];
}
