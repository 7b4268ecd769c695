import { z } from "@hono/zod-openapi";
import { logLevels, OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import { createLogToken, type LogScope } from "@openworkers/db/stores";
import { accountFor } from "../../access/account.ts";
import { find } from "../../access/owned.ts";
import type { Call } from "../../http/call.ts";
import { noStore } from "../../http/errors.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, time } from "../../http/schemas.ts";
import { workerParams } from "../workers/schema.ts";

const tag = "Logs and statistics";
/** As long as a stream may go on without being asked for again. */
const tokenMs = 3_600_000;

const filter = {
  kind: z.enum(["line", "invocation"]).optional(),
  level: z.enum(logLevels).optional().openapi({ description: "The least level." }),
  search: z.string().min(1).max(1_000).optional(),
  requestId: z.string().max(64).optional(),
  version: z.string().max(10).optional(),
  outcome: z.string().max(32).optional(),
  status: z.string().max(3).optional().openapi({ description: "`404`, or a class as `5xx`." }),
};
const instant = z.string().max(64).openapi({ description: "Unix milliseconds, or ISO 8601." });
const position = z.string().max(64);

const streamQuery = z.object({
  ...filter,
  history: z.string().max(10).optional().openapi({ description: "Begins with so many stored records." }),
  since: instant.optional(),
  after: position.optional(),
});

const pageQuery = z.object({
  ...filter,
  from: instant.optional(),
  to: instant.optional(),
  after: position.optional(),
  before: position.optional(),
  order: z.enum(["oldest-first", "newest-first"]).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
});

const recordsSchema = z
  .object({
    records: z.array(z.record(z.string(), z.unknown())),
    next: z
      .string()
      .nullable()
      .openapi({ description: "For `before`, or `after` when the oldest come first." }),
  })
  .openapi("LogPage");

const stepSchema = z.object({
  time: z.number(),
  lines: z.number(),
  requests: z.number(),
  errors: z.number(),
  outcomes: z.record(z.string(), z.number()),
  coldStarts: z.number(),
  cpuMs: z.number(),
  wallMs: z.number(),
  p50: z.number().optional(),
  p90: z.number().optional(),
  p99: z.number().optional(),
});

const statsSchema = z
  .object({ from: z.number(), to: z.number(), stepMs: z.number(), steps: z.array(stepSchema) })
  .openapi("Statistics");

export function logRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/logs",
      tag,
      summary: "Read a worker's stored records",
      params: workerParams,
      query: pageQuery,
      result: recordsSchema,
    },
    async (call) => {
      const { id, token } = await workerToken(call);
      const answer = await ask(call, `workers/${id}/logs/query`, token, call.query);
      return recordsSchema.parse(await answer.json());
    },
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/logs/stream",
      tag,
      summary: "Follow a worker's records, as server-sent events",
      description: "`Last-Event-ID` goes on where a stream broke off, without gap and without duplicate.",
      params: workerParams,
      query: streamQuery,
      answers: "text/event-stream",
    },
    async (call) => {
      const { id, token } = await workerToken(call);
      return passed(await ask(call, `workers/${id}/logs`, token, call.query));
    },
  );

  routes.add(
    {
      method: "get",
      path: "/logs",
      tag,
      summary: "Read the stored records of all workers of an account",
      query: pageQuery.extend(accountQuery.shape),
      result: recordsSchema,
    },
    async (call) => {
      const { account, ...query } = call.query;
      const answer = await ask(call, "logs/query", await accountToken(call, account), query);
      return recordsSchema.parse(await answer.json());
    },
  );

  routes.add(
    {
      method: "get",
      path: "/logs/stream",
      tag,
      summary: "Follow the records of all workers of an account, as server-sent events",
      query: streamQuery.extend(accountQuery.shape),
      answers: "text/event-stream",
    },
    async (call) => {
      const { account, ...query } = call.query;
      return passed(await ask(call, "logs", await accountToken(call, account), query));
    },
  );

  routes.add(
    {
      method: "post",
      path: "/workers/{worker}/log-tokens",
      tag,
      summary: "Make a token that lets read a worker's logs from the logs service, for an hour",
      params: workerParams,
      result: z.object({ token: z.string(), workerId: z.string(), expiresAt: time }),
      status: 201,
    },
    async (call) => {
      const { id, token } = await workerToken(call);
      return { token, workerId: id, expiresAt: new Date(Date.now() + tokenMs) };
    },
  );

  routes.add(
    {
      method: "get",
      path: "/workers/{worker}/stats",
      tag,
      summary: "Read a worker's requests, errors, CPU and wall time, step by step",
      params: workerParams,
      query: z.object({
        from: instant.optional(),
        to: instant.optional(),
        step: z.string().max(6).optional().openapi({ description: "Seconds; a multiple of 60." }),
      }),
      result: statsSchema,
    },
    async (call) => {
      const { id, token } = await workerToken(call);
      const answer = await ask(call, `workers/${id}/stats`, token, call.query);
      return statsSchema.parse(await answer.json());
    },
  );
}

type WorkerCall = Call<{ worker: string }, unknown, unknown>;

/** A worker, and a token for its logs, of a caller who may read them. */
async function workerToken({ params, together }: WorkerCall): Promise<{ id: WorkerId; token: string }> {
  return together(async (scope) => {
    const { id } = await find<WorkerId>(scope, "worker", {
      nameOrId: params.worker,
      resource: "logs",
      action: "read",
    });
    return { id, token: await tokenFor(scope.database, { kind: "worker", workerId: id }, scope.caller) };
  });
}

/** A token for the logs of all of an account's workers, for a caller who may read them. */
function accountToken({ together }: Pick<Call, "together">, account: string | undefined): Promise<string> {
  return together(async (scope) => {
    const { id } = await accountFor(scope, account, { resource: "logs", action: "read" });
    return tokenFor(scope.database, { kind: "owner", ownerId: id }, scope.caller);
  });
}

function tokenFor(
  database: Parameters<typeof createLogToken>[0],
  scope: LogScope,
  by: UserId,
): Promise<string> {
  return createLogToken(database, { scope, by, expiresAt: new Date(Date.now() + tokenMs) });
}

/** Asks the logs service. @throws OpenWorkersError as it says */
async function ask(
  { platform, request }: Pick<Call, "platform" | "request">,
  path: string,
  token: string,
  query: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const lastEventId = request.headers.get("last-event-id");
  return platform.ask(`/logs/${path}?${search}`, {
    headers: { "x-log-token": token, ...(lastEventId === null ? {} : { "last-event-id": lastEventId }) },
    signal: request.signal,
  });
}

function passed(answer: Response): Response {
  if (answer.body === null) throw new OpenWorkersError("INTERNAL", "The logs service sent no stream.");
  return new Response(answer.body, { headers: { ...noStore, "content-type": "text/event-stream" } });
}
