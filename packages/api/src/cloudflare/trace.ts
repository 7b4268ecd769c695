import type { InvocationRecord, LogLine, LogRecord } from "@openworkers/core";

/** Requests whose lines wait for their end, and lines of each: what is beyond is left out of the event. */
const maxWaiting = 1_000;
const maxLines = 256;

/** How an invocation ended, in Cloudflare's words. */
const outcomes: Readonly<Record<string, string>> = {
  ok: "ok",
  canceled: "canceled",
  exception: "exception",
  "cpu-limit": "exceededCpu",
  "memory-limit": "exceededMemory",
};

/** An event as `wrangler tail` reads it. */
export type TraceEvent = ReturnType<typeof eventOf>;

/** Which events are wanted; every one without. */
export interface TraceFilter {
  readonly outcome?: readonly string[] | undefined;
  readonly method?: readonly string[] | undefined;
  readonly query?: string | undefined;
}

/** Makes events of log records: lines come one by one, and an event has all of its invocation's. */
export class Tracer {
  readonly #waiting = new Map<string, LogLine[]>();
  readonly #filter: TraceFilter;

  constructor(filter: TraceFilter = {}) {
    this.#filter = filter;
  }

  /** The event that `record` completes; undefined when none, or it is not wanted. */
  take(record: LogRecord): TraceEvent | undefined {
    if (record.kind === "line" && record.requestId !== undefined) {
      this.#keep(record.requestId, record);
      return undefined;
    }
    const lines = record.kind === "line" ? [record] : this.#linesOf(record.requestId);
    const event = eventOf(record, lines);
    return this.#wants(event, record) ? event : undefined;
  }

  #keep(request: string, line: LogLine): void {
    const lines = this.#waiting.get(request) ?? [];
    if (lines.length < maxLines) lines.push(line);
    this.#waiting.set(request, lines);
    if (this.#waiting.size <= maxWaiting) return;
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined) this.#waiting.delete(oldest);
  }

  #linesOf(request: string): LogLine[] {
    const lines = this.#waiting.get(request) ?? [];
    this.#waiting.delete(request);
    return lines;
  }

  #wants(event: TraceEvent, record: LogRecord): boolean {
    const { outcome, method, query } = this.#filter;
    const methodOf = record.kind === "invocation" ? record.method : "";
    return (
      (outcome === undefined || outcome.includes(event.outcome)) &&
      (method === undefined || method.some((wanted) => wanted.toUpperCase() === methodOf)) &&
      (query === undefined || JSON.stringify(event.logs).includes(query))
    );
  }
}

function eventOf(record: LogRecord, lines: readonly LogLine[]) {
  const ended = record.kind === "invocation" ? record : undefined;
  return {
    scriptName: record.worker,
    scriptVersion: { id: record.versionId },
    outcome: ended === undefined ? "unknown" : (outcomes[ended.outcome] ?? "unknown"),
    eventTimestamp: ended === undefined ? record.time : Math.round(record.time - ended.wallMs),
    event: ended === undefined ? null : whatOf(ended),
    logs: lines
      .filter(({ exception }) => exception === undefined)
      .map(({ message, level, time }) => ({ message: [message], level, timestamp: time })),
    exceptions: lines.flatMap(({ exception, time }) =>
      exception === undefined ? [] : [{ ...exception, timestamp: time }],
    ),
    ...(ended === undefined ? {} : { wallTime: ended.wallMs, cpuTime: ended.cpuMs }),
  };
}

/** What called the worker. Headers are not told: none are kept. */
function whatOf({ trigger, event, method, host, path, status, time, wallMs }: InvocationRecord) {
  if (trigger === "scheduled") return { cron: event ?? "", scheduledTime: Math.round(time - wallMs) };
  if (trigger === "queue") return { queue: event ?? "" };
  return { request: { url: `http://${host}${path}`, method, headers: {} }, response: { status } };
}
