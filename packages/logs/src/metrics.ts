/** Upper bounds in seconds: a transaction takes some 10 ms, and a second is trouble. */
const writeBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

/** What is read when somebody asks. */
export interface LogsGauges {
  readonly sseClients: number;
  readonly heldBatches: number;
  /** Batches that the bus has and PostgreSQL has not; undefined when the bus does not answer. */
  readonly lag: number | undefined;
}

/** What a logs service counts about itself. */
export class LogsMetrics {
  failedWrites = 0;
  refusedBatches = 0;
  droppedRecords = 0;
  slowClients = 0;
  #batches = 0;
  #records = 0;
  #seconds = 0;
  readonly #writes: number[] = [...writeBounds, Number.POSITIVE_INFINITY].map(() => 0);

  /** A transaction with so many batches and records was committed. */
  stored(batches: number, records: number, ms: number): void {
    this.#batches += batches;
    this.#records += records;
    this.#seconds += ms / 1_000;
    const bucket = writeBounds.findIndex((bound) => ms / 1_000 <= bound);
    const at = bucket < 0 ? writeBounds.length : bucket;
    this.#writes[at] = (this.#writes[at] ?? 0) + 1;
  }

  /** Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats). */
  text(gauges: LogsGauges): string {
    const counters: [string, string, number][] = [
      ["batches_stored_total", "Batches that were stored, or were stored already.", this.#batches],
      ["records_stored_total", "Log lines and invocations that were stored.", this.#records],
      ["records_dropped_total", "Records too old to keep, or refused by PostgreSQL.", this.droppedRecords],
      ["batches_refused_total", "Messages that were no batch.", this.refusedBatches],
      ["write_failures_total", "Transactions that failed; they are tried again.", this.failedWrites],
      [
        "slow_clients_total",
        "Streams that were ended because nobody read them fast enough.",
        this.slowClients,
      ],
    ];
    const values: [string, string, number][] = [
      ["sse_clients", "Streams that are open.", gauges.sseClients],
      ["batches_held", "Batches taken from the bus and not stored yet.", gauges.heldBatches],
    ];
    if (gauges.lag !== undefined) {
      values.push(["bus_lag_batches", "Batches that the bus has and PostgreSQL has not.", gauges.lag]);
    }
    return [
      ...counters.flatMap((metric) => lines("counter", ...metric)),
      ...values.flatMap((metric) => lines("gauge", ...metric)),
      ...this.#histogram(),
      "",
    ].join("\n");
  }

  #histogram(): string[] {
    const name = "openworkers_logs_write_seconds";
    let count = 0;
    const buckets = this.#writes.map((writes, at) => {
      count += writes;
      return `${name}_bucket{le="${writeBounds[at] ?? "+Inf"}"} ${count}`;
    });
    return [
      `# HELP ${name} How long a transaction took, from the first statement to the commit.`,
      `# TYPE ${name} histogram`,
      ...buckets,
      `${name}_sum ${this.#seconds}`,
      `${name}_count ${count}`,
    ];
  }
}

function lines(type: string, name: string, help: string, value: number): string[] {
  const full = `openworkers_logs_${name}`;
  return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, `${full} ${value}`];
}
