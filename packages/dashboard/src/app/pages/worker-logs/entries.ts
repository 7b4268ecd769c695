import { comparePositions, isError, type Seen, type SeenInvocation, type SeenLine } from "./record.ts";

/** What one call of a worker wrote, and how it ended when that is known. */
export interface Invocation {
  readonly kind: "invocation";
  readonly key: string;
  /** Unix milliseconds: its beginning, or its first line. */
  readonly time: number;
  readonly worker: string;
  readonly workerId: string;
  readonly version: number;
  readonly requestId: string;
  readonly record: SeenInvocation | undefined;
  readonly lines: readonly SeenLine[];
}

/** A line on its own. */
export interface Line {
  readonly kind: "line";
  readonly key: string;
  readonly time: number;
  readonly record: Seen;
}

export type Entry = Invocation | Line;

/** One row for each record. */
export function flat(records: readonly Seen[]): Line[] {
  return records.map((record) => ({ kind: "line", key: record.position, time: record.time, record }));
}

interface Growing {
  key: string;
  first: Seen;
  record: SeenInvocation | undefined;
  lines: SeenLine[];
}

/**
 * One row for each invocation with its lines, in the order in which they were first heard of; what belongs to none, such as
 * a module's top level, has its own.
 */
export function grouped(records: readonly Seen[]): Entry[] {
  const order: (Growing | SeenLine)[] = [];
  const open = new Map<string, Growing>();
  for (const record of records) {
    if (record.requestId === undefined) {
      if (record.kind === "line") order.push(record);
      continue;
    }
    const id = `${record.workerId} ${record.requestId}`;
    let group = open.get(id);
    // A worker that passes its request on to itself is called twice with one id.
    if (group === undefined || (record.kind === "invocation" && group.record !== undefined)) {
      const key = group === undefined ? id : `${group.key} again`;
      group = { key, first: record, record: undefined, lines: [] };
      open.set(id, group);
      order.push(group);
    }
    if (record.kind === "invocation") group.record = record;
    else group.lines.push(record);
  }
  return order.map((each): Entry => {
    if ("position" in each) return { kind: "line", key: each.position, time: each.time, record: each };
    const { key, first, record, lines } = each;
    const { worker, workerId, version, requestId = "" } = first;
    return {
      ...{ kind: "invocation", key, worker, workerId, version, requestId, record, lines },
      time: record?.time ?? first.time,
    };
  });
}

export type Grade = "bad" | "warn" | "good" | "muted";

/** How bad an invocation was, by its end and by what it wrote. */
export function gradeOf({ record, lines }: Invocation): Grade {
  if (record !== undefined && (isError(record.outcome) || record.status >= 500)) return "bad";
  if (lines.some(({ level }) => level === "error")) return "bad";
  if (record?.outcome === "canceled" || (record?.status ?? 0) >= 400) return "warn";
  if (lines.some(({ level }) => level === "warn")) return "warn";
  return record === undefined ? "muted" : "good";
}

/** The line that says most: the first of the worst. */
export function tellingLine({ lines }: Invocation): SeenLine | undefined {
  return (
    lines.find(({ level }) => level === "error") ?? lines.find(({ level }) => level === "warn") ?? lines[0]
  );
}

/** Those of `more` that `records` does not hold, and all in order. */
export function merged(records: readonly Seen[], more: readonly Seen[]): Seen[] {
  const all = new Map([...records, ...more].map((record) => [record.position, record]));
  return [...all.values()].sort((a, b) => comparePositions(a.position, b.position));
}
