import { isId, type LogBatch, type LogRecord, logSubject, type WorkerId } from "@openworkers/core";
import { formatPosition, type Position } from "./position.ts";

/** A record and where it is among all. */
export interface Positioned {
  readonly position: Position;
  readonly record: LogRecord;
}

/** How far a runner's clock may go before the bus's. */
const clockSkewMs = 60_000;
/** What no run comes near, in milliseconds; sums of it stay finite. */
const longestMs = 1e9;
const greatestInteger = 2 ** 31 - 1;

/**
 * A record as it is stored and shown, live and later alike: text that PostgreSQL takes (no NUL, no lone surrogates),
 * numbers that fit its columns, whole milliseconds, and no time after the one at which the bus had it.
 *
 * @param storedAt when the bus stored the batch, in Unix milliseconds
 */
export function repair(record: LogRecord, storedAt: number): LogRecord {
  const base = {
    ...record,
    time: Math.round(
      clamp(record.time > storedAt + clockSkewMs ? storedAt : record.time, 0, storedAt + clockSkewMs),
    ),
    worker: repairText(record.worker),
    version: integer(record.version),
  };
  if (base.kind === "line") {
    const { exception } = base;
    return {
      ...base,
      message: repairText(base.message),
      ...(exception === undefined
        ? {}
        : {
            exception: {
              name: repairText(exception.name),
              message: repairText(exception.message),
              stack: repairText(exception.stack),
            },
          }),
    };
  }
  return {
    ...base,
    method: repairText(base.method),
    host: repairText(base.host),
    path: repairText(base.path),
    ...(base.event === undefined ? {} : { event: repairText(base.event) }),
    status: integer(base.status),
    // Of no use to who knows the outcomes' names, and as harmless as the rest.
    outcome: repairText(base.outcome) as typeof base.outcome,
    wallMs: clamp(base.wallMs, 0, longestMs),
    cpuMs: clamp(base.cpuMs, 0, longestMs),
  };
}

/** Text without what PostgreSQL refuses; U+FFFD stands where it was. */
export function repairText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes("\0") ? whole.replaceAll("\0", "\uFFFD") : whole;
}

/** The worker whose records lie on `subject`; undefined when it is none of the logs'. */
export function workerOfSubject(subject: string): WorkerId | undefined {
  const worker = subject.slice(subject.lastIndexOf(".") + 1);
  return isId<"worker">(worker) && logSubject(worker) === subject ? worker : undefined;
}

/** A batch's records with their positions. Those that speak for another worker than the subject's are left out. */
export function positioned(
  { records }: LogBatch,
  { batch, workerId, storedAt }: { batch: number; workerId: WorkerId; storedAt: number },
): Positioned[] {
  return records.flatMap((record, index) =>
    record.workerId === workerId ? [{ position: { batch, index }, record: repair(record, storedAt) }] : [],
  );
}

/** A record as clients get it: with its position, which is what they resume from. */
export function toJson({ position, record }: Positioned): string {
  return JSON.stringify({ position: formatPosition(position), ...record });
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

function integer(value: number): number {
  return clamp(value, 0, greatestInteger);
}
