import { z } from "@hono/zod-openapi";
import { type CronId, cronPolicySchema, isId, type ScheduledEventId, type WorkerId } from "@openworkers/core";
import type { Queries } from "@openworkers/db/access";
import {
  addCron,
  changeCron,
  getScheduledEvent,
  listCrons,
  removeCron,
  runCron,
} from "@openworkers/db/stores";
import { accountFor } from "../../access/account.ts";
import { find } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import { matchDeleted } from "../../http/etag.ts";
import { notFound } from "../../http/not-found.ts";
import { keyOf, page, pageOf, pageOfAll, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, id, nameOrId, time, timeOrNull } from "../../http/schemas.ts";
import { workerParams } from "../workers/schema.ts";

const tag = "Crons";
const cronParams = workerParams.extend({ cron: id });

const cronSchema = cronPolicySchema
  .extend({
    id,
    worker: z.string(),
    expression: z.string(),
    timezone: z.string(),
    source: z.enum(["manifest", "user"]),
    paused: z.boolean(),
    nextDue: timeOrNull,
    problem: z.string().nullable().openapi({ description: "Why it is at rest although it is not paused." }),
    createdAt: time,
  })
  .openapi("Cron");

const eventSchema = z
  .object({
    id,
    cronId: id.nullable(),
    cron: z.string(),
    dueAt: time,
    manual: z.boolean(),
    state: z.enum(["waiting", "published", "finished", "skipped"]),
    reason: z.string().nullable(),
    missed: z.int(),
    attempt: z.int(),
    publishAt: time,
    publishedAt: timeOrNull,
    requestId: id.nullable(),
    startedAt: timeOrNull,
    finishedAt: timeOrNull,
    durationMs: z.number().nullable(),
    cpuMs: z.number().nullable(),
    outcome: z.string().nullable(),
    error: z.string().nullable(),
    redelivered: z.boolean(),
  })
  .openapi("ScheduledEvent");

// A cron's defaults are the platform's, not a change's.
const policyChange = z.strictObject(cronPolicySchema.shape).partial();

export function cronRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/crons",
      tag,
      summary: "List the crons of an account's workers",
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(cronSchema),
    },
    ({ query, reading }) =>
      reading(async (scope) => {
        const account = await accountFor(scope, query.account, { resource: "crons", action: "read" });
        const rows = await scope.queries
          .selectFrom("workers")
          .select("name")
          .where("owner_id", "=", account.id)
          .execute();
        const own = new Set(rows.map(({ name }) => name));
        const all = (await listCrons(scope.database)).filter(({ worker }) => own.has(worker));
        return pageOfAll(all, query, (cron) => cron.id);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/crons",
      tag,
      summary: "List a worker's crons",
      params: workerParams,
      query: pageQuery,
      result: pageOf(cronSchema),
    },
    ({ params, query, reading }) =>
      reading(async (scope) => {
        const worker = await workerOf(scope, params.worker, "read");
        return pageOfAll(await listCrons(scope.database, worker.name), query, (cron) => cron.id);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/workers/{worker}/crons",
      tag,
      summary: "Add a cron to a worker; it is due from now on",
      params: workerParams,
      body: policyChange.extend({
        expression: z.string().min(1).max(256),
        timezone: z.string().max(64).optional(),
      }),
      result: cronSchema,
      status: 201,
      idempotent: true,
    },
    ({ params, body }, { made }) =>
      made(async (scope) => {
        const worker = await workerOf(scope, params.worker, "write");
        const { expression, timezone, ...policy } = body;
        return addCron(scope.database, {
          worker: worker.name,
          expression,
          policy: given(policy),
          by: scope.caller,
          ...(timezone === undefined ? {} : { timezone }),
        });
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/crons/{cron}",
      tag,
      summary: "Get a cron",
      params: cronParams,
      result: cronSchema,
      tagged: true,
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const worker = await workerOf(scope, params.worker, "read");
        return cronOf(scope, worker.name, params.cron);
      }),
  );

  routes.add(
    {
      method: "patch",
      path: "/workers/{worker}/crons/{cron}",
      tag,
      summary: "Change a cron's policy, pause it or go on with it",
      description: "One that goes on is due from then on: what it missed is not made up for.",
      params: cronParams,
      body: policyChange.extend({ paused: z.boolean().optional() }),
      result: cronSchema,
      tagged: true,
      matched: true,
    },
    ({ params, body, together }, { mustMatch }) =>
      together(async (scope) => {
        const worker = await workerOf(scope, params.worker, "write");
        mustMatch(await cronOf(scope, worker.name, params.cron));
        const { paused, ...policy } = body;
        const which = { worker: worker.name, cron: params.cron, by: scope.caller };
        return changeCron(scope.database, which, {
          policy: given(policy),
          ...(paused === undefined ? {} : { paused }),
        });
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/workers/{worker}/crons/{cron}",
      tag,
      summary: "Remove a cron; what has run stays in the history",
      params: cronParams,
      matched: true,
    },
    ({ params, request, together }) =>
      together(async (scope) => {
        const worker = await workerOf(scope, params.worker, "write");
        matchDeleted(request, cronSchema, await cronOf(scope, worker.name, params.cron));
        await removeCron(scope.database, { worker: worker.name, cron: params.cron, by: scope.caller });
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/workers/{worker}/crons/{cron}/run",
      tag,
      summary: "Have a cron run now, paused or not, beside its schedule",
      params: cronParams,
      result: eventSchema,
      status: 202,
      idempotent: true,
    },
    ({ params }, { made }) =>
      made(async (scope) => {
        const worker = await workerOf(scope, params.worker, "write");
        await cronOf(scope, worker.name, params.cron);
        return runCron(scope.database, { worker: worker.name, cron: params.cron, by: scope.caller });
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/events",
      tag,
      summary: "List what became of a worker's due times, the newest first",
      params: workerParams,
      query: pageQuery.extend({
        cron: nameOrId.optional().openapi({ description: "Id or expression of a cron." }),
      }),
      result: pageOf(eventSchema),
    },
    ({ params, query, reading }) =>
      reading(async (scope) => {
        const worker = await workerOf(scope, params.worker, "read");
        const before = keyOf(z.uuid(), query.cursor);
        const { cron } = query;
        const rows = await selectEvents(scope.queries, worker.id)
          .$if(before !== undefined, (select) => select.where("id", "<", before as ScheduledEventId))
          .$if(cron !== undefined, (select) =>
            isId<"cron">(cron) ? select.where("cron_id", "=", cron) : select.where("cron", "=", cron ?? ""),
          )
          .orderBy("id", "desc")
          .limit(query.limit + 1)
          .execute();
        return page(rows, query, (event) => event.id);
      }),
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/events/{event}",
      tag,
      summary: "Get what became of a due time",
      params: workerParams.extend({ event: id }),
      result: eventSchema,
    },
    ({ params, reading }) =>
      reading(async (scope) => {
        const worker = await workerOf(scope, params.worker, "read");
        const { event } = params;
        const there =
          isId<"scheduled-event">(event) &&
          (await selectEvents(scope.queries, worker.id).where("id", "=", event).executeTakeFirst());
        if (!there) throw notFound(`There is no scheduled event ${event}.`, `/workers/${worker.name}/events`);
        return getScheduledEvent(scope.database, event as ScheduledEventId);
      }),
  );
}

function workerOf(scope: Scope, nameOrIdOf: string, action: "read" | "write") {
  return find<WorkerId>(scope, "worker", { nameOrId: nameOrIdOf, resource: "crons", action });
}

/** @throws OpenWorkersError NOT_FOUND */
async function cronOf({ database }: Scope, worker: string, cron: string) {
  const found = (await listCrons(database, worker)).find((each) => each.id === (cron as CronId));
  if (found === undefined) throw notFound(`${worker} has no cron ${cron}.`, `/workers/${worker}/crons`);
  return found;
}

function given<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;
}

function selectEvents(queries: Queries, worker: WorkerId) {
  return queries
    .selectFrom("scheduled_events")
    .select([
      "id",
      "cron_id as cronId",
      "cron",
      "due_at as dueAt",
      "manual",
      "state",
      "reason",
      "missed",
      "attempt",
      "publish_at as publishAt",
      "published_at as publishedAt",
      "request_id as requestId",
      "started_at as startedAt",
      "finished_at as finishedAt",
      "duration_ms as durationMs",
      "cpu_ms as cpuMs",
      "outcome",
      "error",
      "redelivered",
    ])
    .where("worker_id", "=", worker);
}
