import { z } from "zod";
import { isId, type RequestId, type VersionId, type WorkerId } from "../ids.ts";
import { type LogRecord, logLevels } from "../logs.ts";
import type { Outcome } from "../termination.ts";

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
    trigger: z.enum(["fetch", "scheduled", "queue", "service"]),
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
export const logBatchSchema = z.object({
  v: z.literal(1),
  batchId: z.uuid(),
  records: z.array(record).min(1),
});
export type LogBatch = z.infer<typeof logBatchSchema>;
