import type { Counter, Histogram, InvocationRecord, LogRecord, LogSink, Registry } from "@openworkers/core";
import type { WorkerSeries } from "./worker-series.ts";

/** In seconds: from what a cell answers at once to the longest that a request may take. */
export const wallBounds = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
] as const;

/** What is counted of invocations of one trigger. */
interface Trigger {
  readonly wall: Histogram;
  readonly cpu: Counter;
  readonly coldStarts: Counter;
  readonly outcomes: Map<string, Counter>;
}

/** Counts what passes on its way to `sink`: every invocation makes a record, however it came and ended. */
export class MeteredLogs implements LogSink {
  readonly #sink: LogSink;
  readonly #workers: WorkerSeries | undefined;
  readonly #triggers = new Map<string, Trigger>();
  readonly #makeTrigger: (name: string) => Trigger;
  readonly #outcome: (trigger: string, outcome: string) => Counter;
  readonly #lines: Counter;

  /** @param workers counts each worker apart */
  constructor(sink: LogSink, registry: Registry, workers?: WorkerSeries) {
    this.#sink = sink;
    this.#workers = workers;
    const outcomes = registry.counters("ow_invocations_total", "Invocations of workers, by how they ended.", [
      "trigger",
      "outcome",
    ]);
    const walls = registry.histograms(
      "ow_invocation_wall_seconds",
      "From a request's arrival to the end of its response, and of events to the end of their handlers.",
      ["trigger"],
      wallBounds,
    );
    const cpu = registry.counters("ow_invocation_cpu_seconds_total", "CPU time of invocations.", ["trigger"]);
    const cold = registry.counters("ow_cold_invocations_total", "Invocations that a cell was started for.", [
      "trigger",
    ]);
    this.#lines = registry.counter("ow_log_lines_total", "Lines and exceptions that workers logged.");
    this.#outcome = (trigger, outcome) => outcomes.of(trigger, outcome);
    this.#makeTrigger = (name) => ({
      wall: walls.of(name),
      cpu: cpu.of(name),
      coldStarts: cold.of(name),
      outcomes: new Map(),
    });
  }

  emit(record: LogRecord): void {
    if (record.kind === "line") this.#lines.add();
    else this.#count(record);
    this.#sink.emit(record);
  }

  #count(record: InvocationRecord): void {
    let trigger = this.#triggers.get(record.trigger);
    if (trigger === undefined) {
      trigger = this.#makeTrigger(record.trigger);
      this.#triggers.set(record.trigger, trigger);
    }
    let outcome = trigger.outcomes.get(record.outcome);
    if (outcome === undefined) {
      outcome = this.#outcome(record.trigger, record.outcome);
      trigger.outcomes.set(record.outcome, outcome);
    }
    outcome.add();
    trigger.wall.observe(record.wallMs / 1_000);
    trigger.cpu.add(record.cpuMs / 1_000);
    if (record.coldStart) trigger.coldStarts.add();
    this.#workers?.count(record);
  }
}
