import { z } from "@hono/zod-openapi";
import { isOpenWorkersError, OpenWorkersError, type QueueId, queueContentTypes } from "@openworkers/core";
import { listQueueConsumers } from "@openworkers/db/stores";
import { sql } from "kysely";
import { accountFor } from "../../access/account.ts";
import { auditFor } from "../../access/audit.ts";
import { find } from "../../access/owned.ts";
import type { Scope } from "../../http/call.ts";
import { cursorAfter, keyOf, page, pageOf, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { accountQuery, id, nameOrId, time } from "../../http/schemas.ts";
import type { PlatformServices } from "../../platform/services.ts";

const tag = "Queues";
const params = z.object({ queue: nameOrId });
const position = z.int().min(1);
const onBus = "Null when the bus cannot be asked.";

const countsSchema = z
  .object({
    id,
    name: z.string(),
    waiting: z
      .int()
      .nullable()
      .openapi({ description: `Messages that are to be delivered. ${onBus}` }),
    inFlight: z
      .int()
      .nullable()
      .openapi({ description: `Messages that a worker has. ${onBus}` }),
    delayed: z.int().openapi({ description: "Messages that wait for their time." }),
    deadLetters: z
      .int()
      .nullable()
      .openapi({
        description: `Messages in its dead-letter queue, in whatever state; null without one. ${onBus}`,
      }),
  })
  .openapi("QueueCounts");

const messageSchema = z
  .object({
    position: position.openapi({ description: "Names the message as long as it is in the queue." }),
    id,
    sentAt: time,
    attempts: z.int().openapi({ description: "Deliveries that have failed." }),
    contentType: z.enum(queueContentTypes),
    size: z.int().openapi({ description: "Bytes of the body." }),
    body: z.string().openapi({ description: "The text of `json` and `text`, base64 of `bytes` and `v8`." }),
  })
  .openapi("QueueMessage");

const shownByPlatform = z.object({
  items: z.array(
    z.object({
      position,
      id: z.string(),
      sentAt: z.number(),
      attempts: z.int(),
      contentType: z.enum(queueContentTypes),
      body: z.string(),
    }),
  ),
});
const countedByPlatform = z.record(z.string(), z.object({ waiting: z.int(), inFlight: z.int() }));

/** Routes about what lies in queues. */
export function queueMessageRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/queue-counts",
      tag,
      summary: "Count the messages of an account's queues, by the queues' names",
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(countsSchema),
    },
    async ({ query, together, platform }) => {
      const { items, nextCursor } = await together(async (scope) => {
        const right = { resource: "queues", action: "read" } as const;
        const account = await accountFor(scope, query.account, right);
        const after = keyOf(z.string(), query.cursor);
        const rows = await scope.queries
          .selectFrom("queues")
          .select(["id", "name"])
          .where("owner_id", "=", account.id)
          .$if(after !== undefined, (select) => select.where("name", ">", after ?? ""))
          .orderBy("name")
          .limit(query.limit + 1)
          .execute();
        const here = page(rows, query, ({ name }) => name);
        return { ...here, items: await storedCounts(scope, here.items) };
      });
      return { items: await counted(platform, items), nextCursor };
    },
  );

  routes.add(
    {
      method: "get",
      path: "/queues/{queue}/counts",
      tag,
      summary: "Count a queue's messages",
      params,
      query: accountQuery,
      result: countsSchema,
    },
    async ({ params: { queue }, query, together, platform }) => {
      const stored = await together(async (scope) => {
        const found = await find<QueueId>(scope, "queue", {
          nameOrId: queue,
          account: query.account,
          action: "read",
        });
        return storedCounts(scope, [found]);
      });
      const [counts] = await counted(platform, stored);
      if (counts === undefined) throw new Error("one queue has one count");
      return counts;
    },
  );

  routes.add(
    {
      method: "get",
      path: "/queues/{queue}/messages",
      tag,
      summary: "List a queue's messages, the oldest first",
      description:
        "They stay where they are, and those that a worker has are among them. Those that wait for their time are not.",
      params,
      query: pageQuery.extend(accountQuery.shape),
      result: pageOf(messageSchema),
    },
    async ({ params: { queue }, query, together, platform }) => {
      const found = await together((scope) =>
        find<QueueId>(scope, "queue", { nameOrId: queue, account: query.account, action: "read" }),
      );
      const after = keyOf(z.int().min(0), query.cursor) ?? 0;
      const search = new URLSearchParams({ after: `${after}`, limit: `${Math.min(query.limit + 1, 100)}` });
      const { items } = await platform.json(shownByPlatform, `/queues/${found.id}/messages?${search}`);
      const shown = items.slice(0, query.limit).map(({ body, sentAt, ...message }) => {
        const bytes = Buffer.from(body, "base64");
        const isText = message.contentType === "json" || message.contentType === "text";
        return {
          ...message,
          sentAt: new Date(sentAt),
          size: bytes.byteLength,
          body: isText ? bytes.toString("utf8") : body,
        };
      });
      const last = shown.at(-1);
      // The platform gives no more than the largest page: a full one may be followed by another.
      const more = items.length > query.limit || (query.limit === 100 && items.length === 100);
      return { items: shown, nextCursor: more && last !== undefined ? cursorAfter(last.position) : null };
    },
  );

  routes.add(
    {
      method: "delete",
      path: "/queues/{queue}/messages/{position}",
      tag,
      summary: "Remove one message of a queue",
      params: params.extend({ position: z.coerce.number().pipe(position) }),
      query: accountQuery,
    },
    async ({ params: { queue, position: at }, query, together, platform }) => {
      const found = await together((scope) =>
        find<QueueId>(scope, "queue", { nameOrId: queue, account: query.account, action: "write" }),
      );
      await platform.ask(`/queues/${found.id}/messages/${at}`, { method: "DELETE" });
      await together((scope) => auditFor(scope, found.owner, "queue.remove", found.name, { position: at }));
    },
  );

  routes.add(
    {
      method: "post",
      path: "/queues/{queue}/replay",
      tag,
      summary: "Send messages of a queue again to another, as of a dead-letter queue",
      description:
        "Up to 100 at a time: ask again while `left` is not 0. Each is a new message there, whose attempts are counted anew, and is gone here.",
      params,
      query: accountQuery,
      body: z.strictObject({
        to: nameOrId.optional().openapi({
          description: "Name or id; the queue whose dead letters come here, when there is one, without.",
        }),
        positions: z
          .array(position)
          .min(1)
          .max(100)
          .optional()
          .openapi({ description: "The oldest ones without." }),
      }),
      result: z.object({ replayed: z.int(), left: z.int(), to: z.string() }),
    },
    async ({ params: { queue }, query, body, together, platform }) => {
      const { from, to } = await together(async (scope) => {
        const wanted = { account: query.account, action: "write" } as const;
        const found = await find<QueueId>(scope, "queue", { nameOrId: queue, ...wanted });
        const nameOrIdOf = body.to ?? (await sourceOf(scope, found));
        // A name is one of the same owner's, whichever way the first was named.
        const target = { nameOrId: nameOrIdOf, account: found.owner, action: "write" } as const;
        return { from: found, to: await find<QueueId>(scope, "queue", target) };
      });
      const { replayed, left } = await platform.json(
        z.object({ replayed: z.int(), left: z.int() }),
        `/queues/${from.id}/replay`,
        {
          method: "POST",
          body: JSON.stringify({
            to: to.id,
            ...(body.positions === undefined ? {} : { positions: body.positions }),
          }),
        },
      );
      if (replayed > 0) {
        const details = { to: to.name, messages: replayed };
        await together((scope) => auditFor(scope, from.owner, "queue.replay", from.name, details));
      }
      return { replayed, left, to: to.name };
    },
  );
}

/** The queue whose dead letters come to this one. @throws OpenWorkersError INVALID_INPUT when that is not one */
async function sourceOf(
  { database }: Scope,
  { id: dead, name }: { readonly id: QueueId; readonly name: string },
) {
  const consumers = await listQueueConsumers(database);
  const sources = consumers.filter(({ settings }) => settings.deadLetterQueue === name);
  const { rows } = await database.read((queries) =>
    sql<{
      id: QueueId;
    }>`select queue_id as id from queue_consumers where dead_letter_queue_id = ${dead}`.execute(queries),
  );
  const own = sources.filter(({ queueId }) => rows.some((row) => row.id === queueId));
  const [only, another] = own;
  if (only !== undefined && another === undefined) return only.queueId;
  throw new OpenWorkersError(
    "INVALID_INPUT",
    only === undefined
      ? `"${name}" is no queue's dead-letter queue.`
      : `"${name}" has the dead letters of several queues.`,
    {
      hint: "Say where its messages are to go.",
      details: { issues: [{ path: "to", message: "is missing", in: "body" }] },
    },
  );
}

interface StoredCounts {
  readonly id: QueueId;
  readonly name: string;
  readonly delayed: number;
  readonly deadQueue: QueueId | null;
  readonly deadDelayed: number;
}

async function storedCounts(
  { queries }: Scope,
  queues: readonly { readonly id: QueueId }[],
): Promise<StoredCounts[]> {
  const { rows } = await sql<StoredCounts>`
    select queues.id, queues.name, consumer.dead_letter_queue_id as "deadQueue",
      (select count(*) from queue_delays where queue_id = queues.id)::float8 as delayed,
      (select count(*) from queue_delays where queue_id = consumer.dead_letter_queue_id)::float8 as "deadDelayed"
    from queues left join queue_consumers as consumer on consumer.queue_id = queues.id
    where queues.id = any(${queues.map(({ id: each }) => each)}::uuid[])
    order by queues.name`.execute(queries);
  return rows;
}

/** With what is on the bus, which is not known when that is away. */
async function counted(platform: PlatformServices, stored: readonly StoredCounts[]) {
  const ids = new Set(
    stored.flatMap(({ id: own, deadQueue }) => (deadQueue === null ? [own] : [own, deadQueue])),
  );
  const counts = ids.size === 0 ? {} : await ask(platform, [...ids]);
  return stored.map(({ deadQueue, deadDelayed, ...queue }) => {
    const { waiting = null, inFlight = null } = counts?.[queue.id] ?? {};
    const dead = deadQueue === null ? undefined : counts?.[deadQueue];
    return {
      ...queue,
      waiting,
      inFlight,
      deadLetters: dead === undefined ? null : dead.waiting + dead.inFlight + deadDelayed,
    };
  });
}

async function ask(platform: PlatformServices, ids: readonly QueueId[]) {
  try {
    return await platform.json(countedByPlatform, "/queues/counts", {
      method: "POST",
      body: JSON.stringify(ids),
    });
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "BUS_UNAVAILABLE")) throw thrown;
    return undefined;
  }
}
