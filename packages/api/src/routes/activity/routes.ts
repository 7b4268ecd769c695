import { z } from "@hono/zod-openapi";
import { OpenWorkersError } from "@openworkers/core";
import { accountFor } from "../../access/account.ts";
import { keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, id, time } from "../../http/schemas.ts";
import { shareSchema } from "../workers/schema.ts";
import { countsOf, deploymentsOf, lastRunsThatFailed } from "./queries.ts";

const hourMs = 3_600_000;
const mostSteps = 200;
const mostWorkers = 100;

const countsSchema = z
  .object({
    from: time,
    to: time,
    stepSeconds: z.int(),
    workers: z.array(
      z.object({
        worker: z.string(),
        requests: z.number(),
        errors: z.number(),
        steps: z
          .array(z.object({ time, requests: z.number(), errors: z.number() }))
          .openapi({ description: "Those in which something happened, the oldest first." }),
      }),
    ),
  })
  .openapi("AccountStatistics");

const deploymentSchema = z
  .object({
    id,
    worker: z.string(),
    versions: z.array(shareSchema).openapi({ description: "The largest share first." }),
    message: z.string().nullable(),
    createdBy: z.string(),
    createdAt: time,
  })
  .openapi("AccountDeployment");

const failureSchema = z
  .object({
    worker: z.string(),
    cronId: id,
    expression: z.string(),
    eventId: id,
    requestId: id.nullable(),
    outcome: z.string(),
    error: z.string().nullable(),
    attempt: z.int(),
    finishedAt: time,
  })
  .openapi("CronFailure");

/** What happens in an account as a whole. */
export function activityRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/stats",
      tag: "Logs and statistics",
      summary: "Count the requests and errors of an account's workers, step by step",
      query: accountQuery.extend({
        hours: z.coerce.number().int().min(1).max(720).default(24),
        step: z.coerce
          .number()
          .int()
          .min(60)
          .max(86_400)
          .multipleOf(60)
          .default(3_600)
          .openapi({ description: "Seconds; a multiple of 60." }),
        workers: z
          .string()
          .max(mostWorkers * 60)
          .optional()
          .openapi({ description: "Names, apart by commas; the busiest hundred without." }),
      }),
      result: countsSchema,
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const { hours, step: stepSeconds } = query;
        if ((hours * 3_600) / stepSeconds > mostSteps) {
          throw new OpenWorkersError("INVALID_INPUT", `That is more than ${mostSteps} steps.`, {
            field: "step",
            hint: "Ask for a larger step, or fewer hours.",
          });
        }
        const { id: owner } = await accountFor(scope, query.account, { resource: "logs", action: "read" });
        const names = query.workers?.split(",").slice(0, mostWorkers);
        const to = new Date();
        const from = new Date(to.getTime() - hours * hourMs);
        const workers = await countsOf(scope.queries, { owner, names, from, stepSeconds, most: mostWorkers });
        return { from, to, stepSeconds, workers };
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/deployments",
      tag: "Deployments",
      summary: "List the deployments of an account's workers, the newest first",
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(deploymentSchema),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const { id: owner } = await accountFor(scope, query.account, { resource: "workers", action: "read" });
        const before = keyOf(z.uuid(), query.cursor);
        const rows = await deploymentsOf(scope.queries, { owner, before, limit: query.limit });
        return page(rows, query, (deployment) => deployment.id);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/crons/failing",
      tag: "Crons",
      summary: "List the crons of an account whose last run failed, the latest first, a hundred at most",
      query: accountQuery,
      result: z.object({ items: z.array(failureSchema) }),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const { id: owner } = await accountFor(scope, query.account, { resource: "crons", action: "read" });
        return { items: await lastRunsThatFailed(scope.queries, owner) };
      }),
  );
}
