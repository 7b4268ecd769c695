import { z } from "@hono/zod-openapi";
import {
  OpenWorkersError,
  type QueueId,
  queueConsumerSchema,
  queueLimits,
  type WorkerId,
} from "@openworkers/core";
import {
  listQueueConsumers,
  pauseQueue,
  purgeQueue,
  removeQueueConsumer,
  sendToQueue,
  setQueueConsumer,
} from "@openworkers/db/stores";
import { sql } from "kysely";
import { find } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, id, nameOrId } from "../../http/schemas.ts";
import { changeRoute, resourceRoutes, resourceShape } from "../resources/resource-routes.ts";

const tag = "Queues";
const params = z.object({ queue: nameOrId });
const named = z.strictObject({ name: z.string().min(1).max(64) });

const consumerSchema = z
  .object({
    queue: z.string(),
    worker: z.string(),
    settings: queueConsumerSchema,
    source: z.enum(["manifest", "user"]),
  })
  .openapi("QueueConsumer");

const queueSchema = z
  .object({
    ...resourceShape,
    paused: z.boolean(),
    delayed: z
      .int()
      .openapi({ description: "Messages that wait for their time; those on the bus are not counted." }),
    consumer: consumerSchema.nullable(),
  })
  .openapi("Queue");

export function queueRoutes(routes: Routes): void {
  const facts = {
    kind: "queue",
    resource: "queues",
    tag,
    path: "queues",
    param: "queue",
    noun: "a queue",
    plural: "queues",
    shown: queueSchema,
    created: named,
    show,
  } as const;
  resourceRoutes(routes, facts);
  changeRoute(
    routes,
    facts,
    named.partial().extend({ paused: z.boolean().optional() }),
    async (scope, found, { paused }) => {
      if (paused !== undefined)
        await pauseQueue(scope.database, { nameOrId: found.id, paused, by: scope.caller });
    },
  );

  routes.add(
    {
      method: "post",
      path: "/queues/{queue}/messages",
      tag,
      summary: "Send a message",
      description: "It can be delivered within a second or so.",
      params,
      query: accountQuery,
      body: z.strictObject({
        body: z.unknown().openapi({ description: "Any JSON; a text for `text`, base64 for `bytes`." }),
        contentType: z.enum(["json", "text", "bytes"]).default("json"),
        delaySeconds: z.int().min(0).max(queueLimits.delaySeconds).default(0),
      }),
      result: z.object({ id }),
      status: 201,
      idempotent: true,
    },
    ({ params: { queue }, query, body }, { made }) =>
      made(async (scope) => {
        const found = await find<QueueId>(scope, "queue", {
          nameOrId: queue,
          account: query.account,
          action: "write",
        });
        const { contentType, delaySeconds } = body;
        return {
          id: await sendToQueue(scope.database, {
            nameOrId: found.id,
            contentType,
            body: encoded(contentType, body.body),
            delaySeconds,
            by: scope.caller,
          }),
        };
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/queues/{queue}/messages",
      tag,
      summary: "Remove all messages of a queue",
      description: "Those that wait for their time at once, those on the bus within a moment.",
      params,
      query: accountQuery,
      result: z.object({ delayed: z.int() }),
    },
    ({ params: { queue }, query, together }) =>
      together(async (scope) => {
        const found = await find<QueueId>(scope, "queue", {
          nameOrId: queue,
          account: query.account,
          action: "write",
        });
        return { delayed: await purgeQueue(scope.database, { nameOrId: found.id, by: scope.caller }) };
      }),
  );

  routes.add(
    {
      method: "put",
      path: "/queues/{queue}/consumer",
      tag,
      summary: "Have a worker take a queue's messages, or change how it does",
      params,
      query: accountQuery,
      body: z.strictObject({ worker: nameOrId, settings: queueConsumerSchema.prefault({}) }),
      result: queueSchema,
    },
    ({ params: { queue }, query, body, together }) =>
      together(async (scope) => {
        const found = await find<QueueId>(scope, "queue", {
          nameOrId: queue,
          account: query.account,
          action: "write",
        });
        const worker = await find<WorkerId>(scope, "worker", { nameOrId: body.worker, action: "write" });
        await setQueueConsumer(scope.database, {
          queue: found.id,
          worker: worker.name,
          settings: body.settings,
          by: scope.caller,
        });
        return only(await show(scope, [found.id]));
      }),
  );

  routes.add(
    {
      method: "delete",
      path: "/queues/{queue}/consumer",
      tag,
      summary: "Take a queue's consumer from it",
      params,
      query: accountQuery,
    },
    ({ params: { queue }, query, together }) =>
      together(async (scope) => {
        const found = await find<QueueId>(scope, "queue", {
          nameOrId: queue,
          account: query.account,
          action: "write",
        });
        await removeQueueConsumer(scope.database, { queue: found.id, by: scope.caller });
      }),
  );
}

/** @throws OpenWorkersError INVALID_INPUT */
function encoded(contentType: "json" | "text" | "bytes", body: unknown): Uint8Array {
  if (contentType === "json") {
    if (body === undefined) throw wrong("is missing");
    return new TextEncoder().encode(JSON.stringify(body));
  }
  if (typeof body !== "string") throw wrong("is no text");
  if (contentType === "text") return new TextEncoder().encode(body);
  try {
    return Uint8Array.fromBase64(body);
  } catch (cause) {
    throw wrong("is not base64", cause);
  }
}

function wrong(message: string, cause?: unknown): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", `body: ${message}.`, {
    cause,
    details: { issues: [{ path: "body", message, in: "body" }] },
  });
}

async function show(
  { queries, database }: Scope,
  ids: readonly string[],
): Promise<z.input<typeof queueSchema>[]> {
  const rows = await queries
    .selectFrom("queues")
    .innerJoin("users", "users.id", "queues.owner_id")
    .select(["queues.id", "queues.name", "users.name as account", "queues.created_at as createdAt", "paused"])
    .select(sql<number>`(select count(*) from queue_delays where queue_id = queues.id)::float8`.as("delayed"))
    .where("queues.id", "in", ids as QueueId[])
    .orderBy("queues.name")
    .execute();
  const [first] = ids;
  const consumers = await listQueueConsumers(database, ids.length === 1 ? (first as QueueId) : undefined);
  const of = new Map(consumers.map((consumer) => [consumer.queueId, consumer]));
  return rows.map((row) => ({ ...row, consumer: of.get(row.id) ?? null }));
}

function only<T>([first]: readonly T[]): T {
  if (first === undefined) throw new Error("it is gone in its own transaction");
  return first;
}
