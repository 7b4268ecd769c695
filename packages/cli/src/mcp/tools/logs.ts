import { logLevels } from "@openworkers/core";
import { logFilterSchema, queryLogs } from "@openworkers/logs";
import { z } from "zod";
import { parseMoment } from "../../output/duration.ts";
import { fields, given } from "../fields.ts";
import { readTool, type Tool } from "../tool.ts";

const moment = z.string().min(1).describe("So long ago, as 15m, 1h or 7d, or a time in ISO 8601");

export const logTools: readonly Tool[] = [
  readTool("logs_query", {
    title: "Read logs",
    description:
      "What a worker logged, its exceptions with stack traces, and one record for each request: the newest that fit, oldest first.",
    input: z.object({
      worker: fields.worker,
      since: moment.optional(),
      until: moment.optional(),
      kind: z
        .enum(["line", "invocation"])
        .optional()
        .describe("Only lines, or only requests and other events"),
      level: z.enum(logLevels).optional().describe("This level and above"),
      search: z.string().min(1).optional().describe("Only with this text in the message, exception or path"),
      status: z.string().optional().describe("Only requests with this status, as 404 or 5xx"),
      requestId: z.string().optional(),
      version: z.int().min(1).optional().describe("Only this version of the worker"),
      limit: fields.limit(1_000, 100),
    }),
    run: async ({ worker, since, until, limit, ...filter }, { backend, logs, signal }) => {
      const workerId = await backend.workerId(worker);
      const access = logs(workerId);
      const records = await Array.fromAsync(
        queryLogs({
          url: await access.url(),
          token: await access.token(),
          ...(access.paths === undefined ? {} : { paths: access.paths }),
          workerId,
          filter: logFilterSchema.parse(given(filter)),
          ...(since === undefined ? {} : { from: parseMoment(since) }),
          ...(until === undefined ? {} : { to: parseMoment(until) }),
          order: "newest-first",
          limit,
          signal,
        }),
      );
      return { records: records.reverse() };
    },
  }),
  readTool("audit_list", {
    title: "Read the audit log",
    description: "Who changed what on the platform, newest first.",
    input: z.object({ limit: fields.limit(1_000, 50) }),
    run: async ({ limit }, { backend }) => ({ entries: await backend.audit(limit) }),
  }),
];
