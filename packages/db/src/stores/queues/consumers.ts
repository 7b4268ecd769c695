import {
  OpenWorkersError,
  type QueueConsumerSettings,
  type QueueId,
  queueConsumerSettings,
  type UserId,
  type WantedConsumer,
  type WorkerId,
} from "@openworkers/core";
import { sql } from "kysely";
import type { Queries, StoreDatabase } from "../../database.ts";
import { audit } from "../audit.ts";
import { ensureResource, findResource, ownedResource, resourceMissing } from "../resources.ts";
import { lockOwnedWorker } from "../workers.ts";

/** Who takes a queue's messages, and how, to be shown. */
export interface ListedConsumer {
  readonly queueId: QueueId;
  readonly queue: string;
  readonly worker: string;
  readonly settings: QueueConsumerSettings;
  readonly source: "manifest" | "user";
}

export interface SetConsumer {
  /** Name or id of the queue. */
  readonly queue: string;
  readonly worker: string;
  readonly settings: QueueConsumerSettings;
  readonly by: UserId;
}

/**
 * Has a worker take a queue's messages, or changes how it does.
 *
 * @throws OpenWorkersError NOT_FOUND (worker, queue, dead-letter queue), FORBIDDEN, INVALID_INPUT, CONFLICT when
 * another worker does
 */
export async function setQueueConsumer(
  database: StoreDatabase,
  { queue, worker, settings, by }: SetConsumer,
): Promise<void> {
  await database.write(async (transaction) => {
    const { id, owner_id: owner } = await lockOwnedWorker(transaction, worker, by);
    const found = async (nameOrId: string) => {
      const resource = await findResource(transaction, "queue", { nameOrId, owner });
      if (resource === undefined) throw resourceMissing("queue", nameOrId, worker);
      return resource.id;
    };
    const { deadLetterQueue } = settings;
    await upsert(transaction, {
      queueId: await found(queue),
      queue,
      worker: { id, owner },
      settings,
      deadLetterQueueId: deadLetterQueue === undefined ? null : await found(deadLetterQueue),
      fromManifest: false,
    });
    await audit(transaction, by, "queue.consume", queue, { worker, ...settings }, owner);
  });
}

/** @throws OpenWorkersError NOT_FOUND (also when nobody takes its messages), FORBIDDEN */
export async function removeQueueConsumer(
  database: StoreDatabase,
  { queue, by }: { readonly queue: string; readonly by: UserId },
): Promise<void> {
  await database.write(async (transaction) => {
    const { id, name, owner } = await ownedResource(transaction, "queue", { nameOrId: queue, by });
    const { numDeletedRows } = await transaction
      .deleteFrom("queue_consumers")
      .where("queue_id", "=", id)
      .executeTakeFirst();
    if (numDeletedRows === 0n) {
      throw new OpenWorkersError("NOT_FOUND", `The queue "${name}" has no consumer.`, {
        hint: "Give it one in the worker's manifest, or with: ow queues consumer add",
      });
    }
    await audit(transaction, by, "queue.unconsume", name, {}, owner);
  });
}

/**
 * Makes `wanted` the consumers that a worker's manifest says it is, instead of those of the manifest before; in the
 * deploy's own transaction. Queues that are not there are made.
 *
 * @throws OpenWorkersError NOT_FOUND, INVALID_INPUT, CONFLICT when another worker takes a queue's messages
 */
export async function replaceManifestConsumers(
  transaction: Queries,
  worker: { readonly id: WorkerId; readonly owner: UserId; readonly by: UserId },
  wanted: readonly WantedConsumer[],
): Promise<void> {
  const kept: QueueId[] = [];
  const ensured = async (name: string) =>
    (await findResource(transaction, "queue", { nameOrId: name, owner: worker.owner }))?.id ??
    (await ensureResource(transaction, "queue", { name, owner: worker.owner, by: worker.by })).id;
  // In one order, so that two deploys do not wait for each other.
  for (const { queue, settings } of [...wanted].sort((a, b) => (a.queue < b.queue ? -1 : 1))) {
    const queueId = await ensured(queue);
    const { deadLetterQueue } = settings;
    const deadLetterQueueId = deadLetterQueue === undefined ? null : await ensured(deadLetterQueue);
    await upsert(transaction, { queueId, queue, worker, settings, deadLetterQueueId, fromManifest: true });
    kept.push(queueId);
  }
  await transaction
    .deleteFrom("queue_consumers")
    .where("worker_id", "=", worker.id)
    .where("from_manifest", "=", true)
    .where(({ not, eb, lit }) => (kept.length === 0 ? lit(true) : not(eb("queue_id", "in", kept))))
    .execute();
}

interface NewConsumer {
  readonly queueId: QueueId;
  readonly queue: string;
  readonly worker: { readonly id: WorkerId; readonly owner: UserId };
  readonly settings: QueueConsumerSettings;
  readonly deadLetterQueueId: QueueId | null;
  readonly fromManifest: boolean;
}

async function upsert(transaction: Queries, consumer: NewConsumer): Promise<void> {
  const { queueId, queue, worker, deadLetterQueueId, fromManifest } = consumer;
  const settings = queueConsumerSettings(consumer.settings);
  if (deadLetterQueueId === queueId) {
    throw new OpenWorkersError("INVALID_INPUT", `The queue "${queue}" cannot be its own dead-letter queue.`, {
      field: "settings.deadLetterQueue",
    });
  }
  const row = {
    worker_id: worker.id,
    max_batch_size: settings.maxBatchSize,
    max_batch_timeout: settings.maxBatchTimeout,
    max_retries: settings.maxRetries,
    retry_delay: settings.retryDelay,
    max_concurrency: settings.maxConcurrency ?? null,
    dead_letter_queue_id: deadLetterQueueId,
    from_manifest: fromManifest,
  };
  const stored = await transaction
    .insertInto("queue_consumers")
    .values({ ...row, queue_id: queueId, owner_id: worker.owner })
    .onConflict((conflict) =>
      conflict.column("queue_id").doUpdateSet(row).where("queue_consumers.worker_id", "=", worker.id),
    )
    .returning("queue_id")
    .executeTakeFirst();
  if (stored !== undefined) return;
  const other = await transaction
    .selectFrom("queue_consumers")
    .innerJoin("workers", "workers.id", "worker_id")
    .select("workers.name")
    .where("queue_id", "=", queueId)
    .executeTakeFirst();
  throw new OpenWorkersError(
    "CONFLICT",
    `The queue "${queue}" has a consumer already: the worker "${other?.name}".`,
    { hint: `Take its consumer from it first: ow queues consumer remove ${queue}` },
  );
}

/** The consumers of all queues, or of one, by the queue's name. */
export async function listQueueConsumers(
  database: StoreDatabase,
  queueId?: QueueId,
): Promise<ListedConsumer[]> {
  const rows = await database.read((queries) =>
    queries
      .selectFrom("queue_consumers as consumer")
      .innerJoin("queues", "queues.id", "consumer.queue_id")
      .innerJoin("workers", "workers.id", "consumer.worker_id")
      .leftJoin("queues as dead", "dead.id", "consumer.dead_letter_queue_id")
      .selectAll("consumer")
      .select(["queues.name as queue", "workers.name as worker", "dead.name as deadLetterQueue"])
      .where(queueId === undefined ? sql<boolean>`true` : sql<boolean>`consumer.queue_id = ${queueId}`)
      .orderBy("queues.name")
      .execute(),
  );
  return rows.map((row) => ({
    queueId: row.queue_id,
    queue: row.queue,
    worker: row.worker,
    settings: {
      maxBatchSize: row.max_batch_size,
      maxBatchTimeout: row.max_batch_timeout,
      maxRetries: row.max_retries,
      retryDelay: row.retry_delay,
      ...(row.max_concurrency === null ? {} : { maxConcurrency: row.max_concurrency }),
      ...(row.deadLetterQueue === null ? {} : { deadLetterQueue: row.deadLetterQueue }),
    },
    source: row.from_manifest ? "manifest" : "user",
  }));
}
