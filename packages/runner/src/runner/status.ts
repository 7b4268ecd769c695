import { cpus, hostname } from "node:os";
import type { FeedState } from "../routing/mod.ts";
import type { CellState, SupervisorStats } from "../supervisor/mod.ts";
import { availableMemoryShare } from "../supervisor/proc.ts";

/** A runner as its operator is shown it. */
export interface RunnerStatus {
  readonly host: string;
  readonly pid: number;
  readonly port: number;
  readonly startedAt: Date;
  readonly cores: number;
  /** Share of the machine's memory that is available, 0 to 1. */
  readonly availableMemory: number;
  /** Resident, of the runner's own process. */
  readonly memoryBytes: number;
  readonly connections: number;
  /** The routes are the database's; else since when they may be older. */
  readonly routesFresh: boolean;
  readonly stats: SupervisorStats;
  readonly cells: readonly CellState[];
}

const startedAt = new Date();

export function runnerStatus(of: {
  readonly port: number;
  readonly connections: number;
  readonly routing: FeedState;
  readonly supervisor: { stats(): SupervisorStats; states(): CellState[] };
}): RunnerStatus {
  return {
    host: hostname(),
    pid: process.pid,
    port: of.port,
    startedAt,
    cores: cpus().length,
    availableMemory: availableMemoryShare(),
    memoryBytes: process.memoryUsage.rss(),
    connections: of.connections,
    routesFresh: of.routing.fresh,
    stats: of.supervisor.stats(),
    cells: of.supervisor.states(),
  };
}
