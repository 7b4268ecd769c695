import {
  type InvocationRecord,
  isId,
  type LogLine,
  logLevels,
  type RequestId,
  type VersionId,
  type WorkerId,
} from "@openworkers/core";
import { type RawBuilder, sql } from "kysely";
import { type LogFilter, rankOf, shortIdLength, statusRange } from "../filter.ts";
import type { Positioned } from "../records.ts";

/** A table of records. */
export type Kind = "logs" | "invocations";

interface BaseRow {
  readonly time_ms: string;
  readonly index: number;
  readonly worker_id: WorkerId;
  readonly version_id: VersionId;
  readonly version: number;
  readonly worker: string;
}

interface LineRow extends BaseRow {
  readonly request_id: RequestId | null;
  readonly level: number;
  readonly message: string;
  readonly exception: NonNullable<LogLine["exception"]> | null;
}

interface InvocationRow extends BaseRow {
  readonly request_id: RequestId;
  readonly status: number;
  readonly wall_ms: number;
  readonly cpu_ms: number;
  readonly cold_start: boolean;
  readonly trigger: InvocationRecord["trigger"];
  readonly outcome: InvocationRecord["outcome"];
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly event: string | null;
}

/** A row of either table; one without a position is no row of it. */
export type Row = (LineRow & InvocationRow) & { readonly position: number | null };

/** The record that a row of a table is. */
export function recordOf(kind: Kind, row: Row): Positioned {
  const base = {
    time: Math.round(Number(row.time_ms)),
    workerId: row.worker_id,
    worker: row.worker,
    versionId: row.version_id,
    version: row.version,
  };
  const position = { batch: Number(row.position), index: row.index };
  return { position, record: kind === "logs" ? lineOf(row, base) : invocationOf(row, base) };
}

type Base = Pick<LogLine, "time" | "workerId" | "worker" | "versionId" | "version">;

function lineOf({ request_id, level, message, exception }: LineRow, base: Base): LogLine {
  return {
    ...base,
    kind: "line",
    ...(request_id === null ? {} : { requestId: request_id }),
    level: logLevels[level] ?? "log",
    message,
    ...(exception === null ? {} : { exception }),
  };
}

function invocationOf(row: InvocationRow, base: Base): InvocationRecord {
  return {
    ...base,
    kind: "invocation",
    requestId: row.request_id,
    trigger: row.trigger,
    method: row.method,
    host: row.host,
    path: row.path,
    ...(row.event === null ? {} : { event: row.event }),
    status: row.status,
    outcome: row.outcome,
    wallMs: row.wall_ms,
    cpuMs: row.cpu_ms,
    coldStart: row.cold_start,
  };
}

/**
 * What a filter asks of a table's rows, as `matchesFilter` does: conditions that an index answers, and others, for which
 * rows must be looked at.
 */
export function conditionsFor(kind: Kind, filter: LogFilter) {
  const indexed: RawBuilder<unknown>[] = [];
  const others: RawBuilder<unknown>[] = [];
  const { requestId } = filter;
  if (isId(requestId)) indexed.push(sql`request_id = ${requestId}::uuid`);
  else if (requestId !== undefined)
    others.push(sql`right(request_id::text, ${shortIdLength}) = ${requestId}`);
  if (filter.version !== undefined) others.push(sql`version = ${filter.version}`);
  if (filter.search !== undefined)
    others.push(sql`strpos(lower(${textOf[kind]}), lower(${filter.search})) > 0`);
  const least = filter.level === undefined ? 0 : rankOf(filter.level);
  if (kind === "logs") {
    if (least >= rankOf("warn")) indexed.push(sql`level >= 4`);
    if (least > 0 && least !== rankOf("warn")) others.push(sql`level >= ${least}`);
    return { indexed, others };
  }
  const bad = sql`outcome not in ('ok', 'canceled')`;
  const trouble = sql`(${bad} or status >= 500)`;
  if (least > rankOf("info")) {
    indexed.push(trouble);
    others.push(bad);
  }
  if (filter.outcome !== undefined) {
    if (filter.outcome !== "ok" && filter.outcome !== "canceled") indexed.push(trouble);
    others.push(sql`outcome = ${filter.outcome}`);
  }
  if (filter.status !== undefined) {
    const [from, to] = statusRange(filter.status);
    if (from >= 500) indexed.push(trouble);
    others.push(sql`status between ${from} and ${to}`);
  }
  return { indexed, others };
}

const textOf = {
  logs: sql`(message || E'\\n' || coalesce(exception ->> 'stack', ''))`,
  invocations: sql`(method || ' ' || host || path)`,
} as const;
