/** How an invocation that did not end in the worker's own response ended; the value of `X-Termination-Reason`. */
export const terminations = {
  "cpu-limit": { status: 503, code: "CPU_LIMIT" },
  "memory-limit": { status: 503, code: "MEMORY_LIMIT" },
  "wall-limit": { status: 504, code: "WALL_LIMIT" },
  exception: { status: 500, code: "WORKER_EXCEPTION" },
  crashed: { status: 503, code: "WORKER_CRASHED" },
  overloaded: { status: 503, code: "OVERLOADED" },
  "not-found": { status: 404, code: "NOT_FOUND" },
} as const;

export type TerminationReason = keyof typeof terminations;

/** How an invocation ended, as logs and statistics count it. */
export type Outcome = "ok" | "canceled" | TerminationReason;
