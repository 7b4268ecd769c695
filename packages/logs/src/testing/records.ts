import {
  type InvocationRecord,
  type LogBatch,
  type LogLine,
  type LogRecord,
  newId,
  type VersionId,
  type WorkerId,
} from "@openworkers/core";
import { batchPosition } from "../position.ts";
import { positioned } from "../records.ts";
import type { StorableBatch } from "../store/store-batches.ts";

/** A worker that logs in tests. */
export interface TestWorker {
  readonly workerId: WorkerId;
  readonly worker: string;
  readonly versionId: VersionId;
  readonly version: number;
}

export function testWorker(worker = "shop"): TestWorker {
  return { workerId: newId<"worker">(), worker, versionId: newId<"version">(), version: 3 };
}

export function line(worker: TestWorker, message: string, extra: Partial<LogLine> = {}): LogLine {
  return { time: Date.now(), ...worker, kind: "line", level: "log", message, ...extra };
}

export function invocation(worker: TestWorker, extra: Partial<InvocationRecord> = {}): InvocationRecord {
  return {
    time: Date.now(),
    ...worker,
    kind: "invocation",
    requestId: newId<"request">(),
    trigger: "fetch",
    method: "GET",
    host: "shop.localhost",
    path: "/a",
    status: 200,
    outcome: "ok",
    wallMs: 3,
    cpuMs: 0.25,
    coldStart: false,
    ...extra,
  };
}

export function batchOf(records: readonly LogRecord[]): LogBatch {
  return { batchId: crypto.randomUUID(), records };
}

/** One worker's records as a batch that the bus has at `seq` of the first stream. */
export function storable(
  records: readonly LogRecord[],
  seq: number,
  { storedAt = Date.now(), batchId = crypto.randomUUID() as string } = {},
): StorableBatch {
  const [first] = records;
  if (first === undefined) return { batchId, storedAt, records: [] };
  const batch = batchPosition(1, seq);
  return {
    batchId,
    storedAt,
    records: positioned(batchOf(records), { batch, workerId: first.workerId, storedAt }),
  };
}
