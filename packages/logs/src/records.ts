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
  return isWhole(record, storedAt) ? record : repaired(record, storedAt);
}

/** Whether there is nothing to repair, as in nearly all: to find that out costs less than to make them anew. */
function isWhole(record: LogRecord, storedAt: number): boolean {
  if (!Number.isInteger(record.time) || !isWithin(record.time, storedAt + clockSkewMs)) return false;
  if (!isWholeText(record.worker) || !isWithin(record.version, greatestInteger)) return false;
  if (record.kind === "line") {
    const { message, exception } = record;
    if (exception === undefined) return isWholeText(message);
    return [message, exception.name, exception.message, exception.stack].every(isWholeText);
  }
  return (
    isWholeText(record.path) &&
    isWholeText(record.host) &&
    isWholeText(record.method) &&
    isWholeText(record.outcome) &&
    (record.event === undefined || isWholeText(record.event)) &&
    isWithin(record.status, greatestInteger) &&
    isWithin(record.wallMs, longestMs) &&
    isWithin(record.cpuMs, longestMs)
  );
}

const isWholeText = (text: string) => text.isWellFormed() && !text.includes("\0");
const isWithin = (value: number, most: number) => value >= 0 && value <= most;

function repaired(record: LogRecord, storedAt: number): LogRecord {
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
  return isWholeText(text) ? text : text.toWellFormed().replaceAll("\0", "\uFFFD");
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
  const found: Positioned[] = [];
  for (const [index, record] of records.entries()) {
    if (record.workerId === workerId)
      found.push({ position: { batch, index }, record: repair(record, storedAt) });
  }
  return found;
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
