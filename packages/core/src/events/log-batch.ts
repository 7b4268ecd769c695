import { z } from "zod";
import { isId, type RequestId, type VersionId, type WorkerId } from "../ids.ts";
import { type LogRecord, logLevels } from "../logs.ts";
import type { Outcome } from "../termination.ts";
import { fromRows, type RowsBatch, toRows } from "./log-batch-rows.ts";
import { decodePayload, encodePayload } from "./payload.ts";

const id = <Id extends string>() => z.custom<Id>((value) => isId(value));
const outcome = z.custom<Outcome | "no-handler">((value) => typeof value === "string" && value.length <= 32);

const base = {
  time: z.number(),
  workerId: id<WorkerId>(),
  worker: z.string(),
  versionId: id<VersionId>(),
  version: z.int(),
};

const record: z.ZodType<LogRecord> = z.discriminatedUnion("kind", [
  z.object({
    ...base,
    kind: z.literal("line"),
    requestId: id<RequestId>().exactOptional(),
    level: z.enum(logLevels),
    message: z.string(),
    exception: z.object({ name: z.string(), message: z.string(), stack: z.string() }).exactOptional(),
  }),
  z.object({
    ...base,
    kind: z.literal("invocation"),
    requestId: id<RequestId>(),
    trigger: z.enum(["fetch", "scheduled", "queue", "service", "preview"]),
    method: z.string(),
    host: z.string(),
    path: z.string(),
    event: z.string().exactOptional(),
    status: z.int(),
    outcome,
    wallMs: z.number(),
    cpuMs: z.number(),
    coldStart: z.boolean(),
  }),
]);

/**
 * What one worker logged in one runner, in order. `batchId` is also the message's id on the bus; who stores records
 * keeps it beside them, so that a batch that is delivered twice is stored once.
 */
export interface LogBatch {
  readonly batchId: string;
  readonly records: readonly LogRecord[];
}

/** As releases before this one write it. */
const namedSchema = z.object({ v: z.literal(1), batchId: z.uuid(), records: z.array(record).min(1) });

const isRow = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const rowsSchema = z.object({
  v: z.literal(2),
  batchId: z.uuid(),
  sources: z.array(z.tuple([id<WorkerId>(), z.string(), id<VersionId>(), z.int()])),
  strings: z.array(z.string()),
  since: z.number(),
  // What is in them is checked where they are read: here it would take most of the time.
  rows: z.custom<RowsBatch["rows"]>(
    (value) => Array.isArray(value) && value.length > 0 && value.every(isRow),
  ),
});

const batchSchema = z.discriminatedUnion("v", [rowsSchema, namedSchema]);

/** A payload of the logs' stream. */
export function encodeLogBatch({ batchId, records }: LogBatch): Uint8Array {
  return encodePayload(toRows(batchId, records));
}

/**
 * The batch that a payload of the logs' stream holds.
 *
 * @throws OpenWorkersError INVALID_INPUT when it is none, or of a version that this release does not know
 */
export function decodeLogBatch(bytes: Uint8Array): LogBatch {
  const batch = decodePayload(batchSchema, bytes);
  return batch.v === 1 ? batch : { batchId: batch.batchId, records: fromRows(batch) };
}
