import { z } from "@hono/zod-openapi";
import { limitsSchema } from "@openworkers/core";
import { id, nameOrId, time, timeOrNull, versionNumber } from "../../http/schemas.ts";

export const workerParams = z.object({ worker: nameOrId });

export const shareSchema = z.object({
  version: versionNumber,
  /** Of the requests; the shares of a deployment are 100 in all. */
  percent: z.int().min(1).max(100),
});

/** A worker, as lists and its own page show it. */
export const workerSchema = z
  .object({
    id,
    name: z.string(),
    url: z.string().openapi({ description: "Where it answers under the platform's own domain." }),
    account: z.string().openapi({ description: "Name of the account that it belongs to." }),
    environment: z.string().nullable(),
    limits: limitsSchema.partial().openapi({
      description: "What is to differ from the platform's defaults; a version's own go before it.",
    }),
    lastVersion: z.int(),
    live: z
      .array(shareSchema)
      .openapi({ description: "What serves its requests; empty before a deployment." }),
    logRetentionDays: z.int().nullable(),
    createdAt: time,
    deployedAt: timeOrNull,
  })
  .openapi("Worker");

export const workerChangeSchema = z
  .strictObject({
    name: z.string().min(1).max(50).optional(),
    limits: z
      .strictObject(
        Object.fromEntries(Object.entries(limitsSchema.shape).map(([key, limit]) => [key, limit.nullable()])),
      )
      .partial()
      .optional()
      .openapi({ description: "Null returns one to its default; those that are not named stay." }),
    environment: z.string().min(1).max(100).nullable().optional(),
    logRetentionDays: z.int().min(0).max(3_650).nullable().optional(),
  })
  .openapi("WorkerChange");
